"""Kuhn poker between scripted players, and a plan of pairs between two of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sparring.agents.policy import Policy
from sparring.agents.scripted import Random, scripted
from sparring.arenas.fixture import Fixture, fixtures
from sparring.arenas.results import Block
from sparring.envs.registry import Game, find

Games = Callable[[int], list[Fixture]]


@pytest.fixture
def kuhn() -> Game:
    return find("kuhn-poker-v0")


@pytest.fixture
def players(kuhn: Game) -> dict[str, Policy]:
    """Three players by id: two random ones and the Nash player."""
    all_of_them = (Random(1), Random(2), scripted("nash", kuhn))
    return {policy.ref.id: policy for policy in all_of_them}


@pytest.fixture
def games(kuhn: Game) -> Games:
    """The games of so many pairs between the two random players."""

    def plan(pairs: int) -> list[Fixture]:
        a, b = "random/1", "random/2"
        seatings = ({"first": a, "second": b}, {"first": b, "second": a})
        blocks = [Block(index, 1000 + index, 0, (a, b), seatings) for index in range(pairs)]
        return [fixture for block in blocks for fixture in fixtures(kuhn, block)]

    return plan
