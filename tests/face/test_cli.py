"""The command line: fast to start, honest about what is wrong, and playable by a person."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from sparring.cli import main, parser

HEAVY = ("torch", "transformers", "trl", "docker", "pettingzoo", "gymnasium", "scipy", "networkx", "ray")


def test_starting_imports_nothing_heavy() -> None:
    code = f"import sys, sparring, sparring.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_listing_games_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sparring.cli import main; main(['games']); "
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "kuhn-poker-v0" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("games", "play", "train", "tournament", "report", "sandbox"):
        with pytest.raises(SystemExit) as end:
            parser().parse_args([command, "--help"])
        assert end.value.code == 0
        assert f"sparring {command}" in capsys.readouterr().out.split("examples:")[1]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["play", "kuhn-pokr"], "kuhn-poker-v0"),
        (["play", "kuhn-poker-v0", "--seat", "third=random"], "it has first, second"),
        (["play", "kuhn-poker-v0", "--seat", "first=randm"], "random"),
        (["play", "kuhn-poker-v0", "--seat", "first"], "expected ROLE=WHO"),
        (["play", "prisoners-dilemma-v0", "--set", "round=3"], "rounds"),
        (["tournament", "kuhn-poker-v0", "random"], "two entrants"),
        (["tournament", "kuhn-poker-v0", "random", "nsh"], "nash"),
        (["train"], "absolute-zero, demo, spiral"),
        (["train", "spirl"], "spiral"),
        (["train", "spiral", "--set", "stepz=3"], "steps"),
        (["train", "spiral", "--set", "steps=many"], "steps"),
        (["train", "spiral", "--set", "game=kuhn"], "kuhn-poker-v0"),
        (["train", "spiral", "--model", "tinny"], "tiny"),
        (["train", "--resume", "no-such-run"], "no-such-run"),
        (["report", "no-such-run"], "no-such-run"),
        (["games", "--load", "no_such_file.py"], "no_such_file.py"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    argv: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("sparring: ")
    assert error.count("\n") == 1
    assert said in error
    assert not list(tmp_path.rglob("*.*")), "nothing half-written"


def test_a_person_plays_tic_tac_toe_in_a_terminal() -> None:
    command = f"{sys.executable} -m sparring play tic-tac-toe-v0 --seat x=human --seat o=random --seed 3"
    child = pexpect.spawn(command, encoding="utf-8", timeout=60)
    child.expect("[Nn]oughts|[Tt]ic")
    for move in "123456789" * 2:
        child.sendline(move)
    child.expect("The game is over: x [+-]")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_person_may_leave_with_ctrl_c() -> None:
    child = pexpect.spawn(
        f"{sys.executable} -m sparring play tic-tac-toe-v0 --seat x=human", encoding="utf-8", timeout=60
    )
    child.expect("[Tt]ic")
    child.sendintr()
    child.expect("interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
