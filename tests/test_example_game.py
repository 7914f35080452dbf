"""The game of docs/writing-a-game.md: short, loaded from its file, listed, conforming, solved and played."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match, play
from sparring.envs.conformance import check_game
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import tree
from sparring.envs.registry import Game, find, game_ids, load

DOCS = Path(__file__).parents[1] / "docs"
FILE = DOCS / "examples" / "my_game.py"


@pytest.fixture(name="race")
def race_fixture() -> Game:
    assert load(FILE) == ["my-race-v0"]
    return find("my-race-v0")


def test_it_is_at_most_forty_lines_and_stands_in_the_guide(race):
    source = FILE.read_text()
    assert len(source.splitlines()) <= 40
    assert source in (DOCS / "writing-a-game.md").read_text()
    assert race.id in game_ids()


def test_it_conforms(race):
    assert all(check.passed for check in check_game(race, range(6)))


@pytest.mark.parametrize(("goal", "winner"), [(8, "second"), (9, "first")])
def test_its_player_is_perfect(race, goal, winner):
    small = find("my-race-v0", goal=goal)
    solved = tree(small)
    assert solved.values(equilibrium(solved))[winner] == pytest.approx(1)
    loser = "second" if winner == "first" else "first"
    seats = {winner: scripted("perfect", small), loser: scripted("random", small)}
    for seed in range(20):
        assert asyncio.run(play(Match(small, seats, seed))).payoff[winner] == 1
