"""Commands on a run whose game is in a file of its own, and on a run of several games."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sparring.cli import parser
from sparring.commands import gate
from sparring.commands.options import ArgumentError

MINE = """
from sparring.envs.registry import game
from sparring.envs.script import Script, ask_all

@game("test-coin-v0", family="mine", roles={"a": 1, "b": 1}, max_turns=2, payoff_range=(-9, 9), sum="zero",
      score="payoff", rules={"a": "Say heads or tails.", "b": "Say heads or tails."})
def coin(stake: int = 1) -> Script:
    said = yield from ask_all({"a": "?", "b": "?"}, choices=("heads", "tails"))
    won = stake if said["a"] == said["b"] else -stake
    return {"a": won, "b": -won}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose game is in a file of its own."""
    run = tmp_path / "runs" / "mine"
    (run / "checkpoints" / "step-1").mkdir(parents=True)
    (tmp_path / "coin.py").write_text(MINE)
    settings = (
        f'game = "test-coin-v0"\nload = ["{tmp_path / "coin.py"}"]\n[parameters]\nstake = 3\n'
    )
    (run / "config.toml").write_text(settings)
    monkeypatch.chdir(tmp_path)
    return run


def test_a_gate_plays_the_game_of_the_run_with_its_parameters_from_its_own_file(mine: Path) -> None:
    assert gate.game_of(parser().parse_args(["gate", "mine@1", "random"])).ref.parameters == (
        ("stake", 3),
    )
    given = parser().parse_args(["gate", "mine@1", "random", "--set", "stake=5"])
    assert gate.game_of(given).ref.parameters == (("stake", 5),)


def test_a_gate_asks_which_game_of_a_menu_is_meant_and_takes_the_only_one(mine: Path) -> None:
    asked = parser().parse_args(["gate", "mine@1", "random"])
    (mine / "config.toml").write_text('[[games]]\nid = "nim-v0"\nparameters = { heaps = "3-4" }\n')
    assert gate.game_of(asked).ref.label == "nim-v0(heaps=3-4)"

    (mine / "config.toml").write_text(
        '[[games]]\nid = "nim-v0"\n[[games]]\nid = "leduc-poker-v0"\n'
    )
    asked = parser().parse_args(["gate", "mine@1", "random"])
    with pytest.raises(
        ArgumentError, match="plays nim-v0, leduc-poker-v0; name one of them with --game"
    ):
        gate.game_of(asked)


def test_stores_of_a_game_from_a_file_are_verified_and_reported_in_another_process(
    mine: Path,
) -> None:
    def sparring(*argv: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sparring", *argv], capture_output=True, text=True
        )
        return done.stdout + done.stderr

    out = sparring(
        "tournament",
        "test-coin-v0",
        "nash",
        "random",
        "--load",
        "coin.py",
        "--pairs",
        "5",
        "--out",
        "mine",
    )
    assert "report.html" in out, out
    assert "as recorded" in sparring("tournament", "verify", "mine"), "by the run's own settings"
    assert "wrote" in sparring("report", "mine")
    (mine / "config.toml").unlink()
    assert "cannot be checked" in sparring("tournament", "verify", "mine")
    assert "as recorded" in sparring("tournament", "verify", "mine", "--load", "coin.py")
    assert "wrote" in sparring("report", "mine", "--load", "coin.py")
