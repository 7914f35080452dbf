from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sparring.agents.models.names import Start
from sparring.agents.models.nursery.lesson import Asked
from sparring.agents.models.nursery.report import levels, spoken
from sparring.agents.models.nursery.teachers import school
from sparring.agents.policy import Request
from sparring.envs.registry import find
from sparring.envs.seeds import generator
from sparring.envs.table import Table
from sparring.envs.types import PolicyRef, Reply


class Perfect:
    """Says what a teacher without mistakes says, or the same words always."""

    streams = False
    ref = PolicyRef("perfect")

    def __init__(self, id: str, always: str = "") -> None:
        self._teacher = school(find(id)).teacher
        self._always = always

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(self._always or self._taught(request)) for request in requests]

    def _taught(self, request: Request) -> str:
        assert self._teacher
        rng = generator(request.key.name)
        said = self._teacher(Asked("s", request.role, request.messages, (), Start(1.0), rng))
        assert isinstance(said, str)
        return said


def test_a_perfect_player_is_right_at_every_level_and_the_floor_is_below() -> None:
    found = asyncio.run(levels(Perfect("code-deduction-v0"), find("code-deduction-v0"), 200))
    assert [level.level for level in found] == [1, 2, 3, 4]
    assert all(level.greedy == level.sampled == 1 > level.floor for level in found[:2])


def test_the_commonest_answer_alone_reaches_the_floor_and_no_more() -> None:
    always = Perfect("facts-v0", always="7")
    (level,) = asyncio.run(levels(always, find("facts-v0"), 200))
    assert 0 < level.greedy <= level.floor < 0.3


def test_games_whose_right_reply_is_not_one_are_not_marked() -> None:
    assert asyncio.run(levels(Perfect("taboo-v0"), find("taboo-v0"))) == []


def test_first_tries_are_counted_by_role_and_retries_are_not() -> None:
    table = Table(find("cloak-v0"), 0)
    for said in ("eleven", "3", "comply"):
        table.answer([Reply(said)])
    found = spoken([table.episode(dict.fromkeys(table.game.seats, PolicyRef("p")))])
    assert found.moves == {"attacker": (0, 1), "defender": (1, 1)}
    assert found.admitted == (0, 0)
