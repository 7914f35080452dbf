"""Wrappers of a policy: what they do not change is the inner policy's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sparring.agents.few_shot import Shown
from sparring.agents.policy import Key, Policy, Renamed, Request, Wrapper, streams
from sparring.agents.scripted import Random, Scripted
from sparring.arenas.entrants import control_of
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef
from sparring.training.players.learner import Itself

ASKED = Request("first", "first", (), ("check", "bet"), Key(0, 0, "first", 0))


class Server(Random):
    """A policy that batches by itself."""

    streams = True

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    async def act(self, requests):
        self.batches.append(len(requests))
        return await super().act(requests)


WRAPPERS = {
    "plain": Wrapper,
    "renamed": lambda policy: Renamed(policy, PolicyRef("other", "other/id")),
    "control": control_of,
    "examples": lambda policy: Shown(policy, {}),
    "itself": Itself,
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapped_server_is_still_asked_by_each_game_for_itself(wrap):
    """With examples, or as an A/A control, it keeps its continuous batching."""
    server, game = Server(), find("kuhn-poker-v0")
    seats: dict[str, Any] = dict.fromkeys(game.seats, wrap(server))
    asyncio.run(play_all([Match(game, seats, n) for n in range(9)], deterministic=False))
    assert set(server.batches) == {1}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapped_policy_that_does_not_stream_does_not(wrap):
    assert not streams(wrap(Scripted(["x"])))


def test_a_policy_without_the_member_does_not_stream():
    class Own:
        ref = PolicyRef("own", "own/1")

    own: Policy = Own()  # type: ignore[assignment]
    assert not streams(own)


def test_a_renamed_policy_has_the_new_name_and_the_old_play():
    inner = Scripted(["bet"])
    renamed = Renamed(inner, PolicyRef("new", "new/1"))
    assert renamed.ref == PolicyRef("new", "new/1")
    assert asyncio.run(renamed.act([ASKED])) == asyncio.run(inner.act([ASKED]))
