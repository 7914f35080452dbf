"""Rules of playing one game and many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sparring.agents.policy import Answer, Request
from sparring.arenas.match import Match, SeatingError, play
from sparring.arenas.rollouts import play_all, rollouts
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef, Reply

KUHN = find("kuhn-poker-v0")


class Keyed:
    """Picks a choice by the request's key alone; counts batches."""

    def __init__(self, delay: float = 0.0) -> None:
        self.ref = PolicyRef("keyed")
        self.batches: list[int] = []
        self.delay = delay

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        self.batches.append(len(requests))
        if self.delay:
            await asyncio.sleep(self.delay)
        return [Reply((r.choices or ("",))[(r.key.seed + r.key.ask) % 2]) for r in requests]


class Broken(Keyed):
    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        raise OSError("engine died")


def _matches(n: int, policy: Keyed, other: Keyed | None = None) -> list[Match]:
    return [Match(KUHN, {"first": policy, "second": other or policy}, seed) for seed in range(n)]


def test_many_at_once_equal_one_by_one() -> None:
    alone = [asyncio.run(play(m)) for m in _matches(30, Keyed())]
    for at_once in (1, 4, 16, 64):
        for deterministic in (True, False):
            policy = Keyed(delay=0.0 if deterministic else 0.001)
            together = asyncio.run(
                play_all(_matches(30, policy), at_once=at_once, deterministic=deterministic)
            )
            assert together == alone


def test_requests_of_all_games_are_one_batch() -> None:
    policy = Keyed()
    asyncio.run(play_all(_matches(20, policy), at_once=20))
    assert policy.batches[0] == 20


def test_a_policy_that_raises_ends_its_games_as_errors_and_no_other() -> None:
    good, broken = Keyed(), Broken()
    matches = _matches(3, good) + _matches(3, good, broken)
    episodes = asyncio.run(play_all(matches))
    assert [e.ending.kind for e in episodes] == ["outcome"] * 3 + ["error"] * 3
    assert "engine died" in episodes[3].ending.reason
    assert episodes[3].payoff == {}
    assert asyncio.run(play(matches[3])).ending.kind == "error"


class Refusing(Keyed):
    """Cannot answer one game; the fault stands in its answer's place."""

    async def act(self, requests: Sequence[Request]) -> Sequence[Answer]:
        said = await super().act(requests)
        return [ValueError("too long") if r.key.seed == 2 else a for r, a in zip(requests, said, strict=True)]


def test_a_request_that_cannot_be_answered_ends_its_own_game_and_no_other() -> None:
    matches = _matches(5, Refusing())  # type: ignore[arg-type]
    episodes = asyncio.run(play_all(matches))
    assert [e.ending.kind for e in episodes] == ["outcome"] * 2 + ["error"] + ["outcome"] * 2
    assert "too long" in episodes[2].ending.reason
    assert episodes[2].payoff == {}
    assert [asyncio.run(play(match)) for match in matches] == episodes


def test_a_wrong_seating_names_the_seats() -> None:
    with pytest.raises(SeatingError, match="first, second; policies came for first"):
        asyncio.run(play(Match(KUHN, {"first": Keyed()}, 0)))


def test_stopping_early_leaves_nothing_running() -> None:
    async def first_only() -> int:
        stream = rollouts(_matches(50, Keyed(delay=0.01)), at_once=5, deterministic=False)
        index, _ = await anext(stream)
        await stream.aclose()
        assert len(asyncio.all_tasks()) == 1
        return index

    assert asyncio.run(first_only()) < 5
