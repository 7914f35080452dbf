"""Every file of examples/ runs as it stands, and its game is short, conforming, solved and played."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match, play
from sparring.envs.conformance import check_game
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import tree
from sparring.envs.registry import Game, find, game_ids, load
from sparring.training.recipes import configured, recipe

ROOT = Path(__file__).parents[1]
FILE = ROOT / "examples" / "my_game.py"
SHOWN = {
    "tournament.py": "nash +0.049 (+0.013 to +0.084) antes a game",
    "own_policy.py": "bluffer -0.024 antes a game",
    "own_verifier.py": "{'ok': 2}",
    "training.py": "NashConv 0.",
}


def test_the_example_settings_say_what_they_change():
    config = configured(None, FILE.parent / "poker.toml")
    assert (config.recipe, config.seed, config.steps, config.rollout.games) == (
        "spiral",
        1,
        200,
        64,
    )
    assert config.update.average == recipe("spiral").update.average, (
        "what is left out is the recipe's"
    )


def test_every_example_is_run_by_a_test():
    assert {path.name for path in FILE.parent.glob("*.py")} == {FILE.name, *SHOWN}


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_runs_and_prints_what_it_promises(name, tmp_path):
    command = [sys.executable, FILE.parent / name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert SHOWN[name] in done.stdout


@pytest.fixture(name="race")
def race_fixture() -> Game:
    assert load(FILE) == ["my-race-v0"]
    return find("my-race-v0")


def test_the_game_is_at_most_forty_lines_and_stands_in_the_guide(race):
    source = FILE.read_text()
    assert len(source.splitlines()) <= 40
    assert source in (ROOT / "docs" / "writing-a-game.md").read_text()
    assert race.id in game_ids()


def test_the_game_conforms(race):
    assert all(check.passed for check in check_game(race, range(6)))


@pytest.mark.parametrize(("goal", "winner"), [(8, "second"), (9, "first")])
def test_the_player_of_the_game_is_perfect(race, goal, winner):
    small = find("my-race-v0", goal=goal)
    solved = tree(small)
    assert solved.values(equilibrium(solved))[winner] == pytest.approx(1)
    loser = "second" if winner == "first" else "first"
    seats = {winner: scripted("perfect", small), loser: scripted("random", small)}
    for seed in range(20):
        assert asyncio.run(play(Match(small, seats, seed))).payoff[winner] == 1
