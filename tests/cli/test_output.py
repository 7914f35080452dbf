"""What scripts read of a command: one JSON value, no progress, plain lines in a pipe; and completion."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from sparring.cli import main, parser
from sparring.commands.completion import _actions
from sparring.commands.output import counted, plain

SERVERS = {"watch", "serve", "completion"}
"""Commands without results."""


def told(capsys: pytest.CaptureFixture[str], *command: str, code: int = 0) -> tuple[Any, str]:
    """The JSON of a command, and what it said beside it."""
    capsys.readouterr()
    assert main([*command, "--json"]) == code
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_with_results_has_json_and_quiet() -> None:
    commands = {
        command.prog.removeprefix("sparring "): command
        for action in _actions(parser())
        if isinstance(action.choices, dict)
        for command in action.choices.values()
    }
    assert {"tournament", "sandbox doctor", "engines doctor", "train"} <= set(commands)
    for name, command in commands.items():
        flags = {flag for action in command._actions for flag in action.option_strings}
        # `sandbox` only leads to its own commands
        leads = any(isinstance(action.choices, dict) for action in command._actions)
        silent = leads or name in SERVERS
        assert {"--json", "--quiet"} & flags == (set() if silent else {"--json", "--quiet"}), name


def test_a_tournament_tells_its_leaderboard_and_its_progress_elsewhere(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "20")
    found, beside = told(capsys, *asked)
    first, second = found["leaderboard"]
    assert (first["entrant"], second["entrant"]) == ("nash", "random")
    assert first["rating"]["low"] < first["rating"]["value"] < first["rating"]["high"]
    assert "40 of 40 games" in beside
    assert Path(found["report"]).is_file()


def test_quiet_leaves_the_result_alone(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "20", "--quiet"]
    assert main(asked) == 0
    shown = capsys.readouterr()
    assert " of 40 games" not in shown.out
    assert "nash" in shown.out
    assert shown.err == ""


def test_a_gate_a_game_an_exam_and_the_lists_are_json(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate, _ = told(
        capsys, "gate", "nash", "random", "--game", "kuhn-poker-v0", "--pairs", "8", code=1
    )
    assert (gate["outcome"], gate["pairs"]) == ("undecided", 8)

    game, beside = told(capsys, "play", "kuhn-poker-v0", "--games", "2", "--seed", "3")
    assert [each["seed"] for each in game["games"]] == [3, 4]
    assert all(sum(each["payoff"].values()) == 0 for each in game["games"])
    assert "payoff:" in beside

    exam, _ = told(
        capsys, "exam", "random", "sums-v0", "--sampled", "--seeds", "0:4", "--page", "exam.html"
    )
    assert exam[0]["entrants"][0]["who"] == "random"
    assert "pass_at_1" in Path("exam.html").read_text()

    games, _ = told(capsys, "games")
    assert "kuhn-poker-v0" in {each["game"] for each in games}
    engines, _ = told(capsys, "engines", "doctor")
    assert {each["ready"] for each in engines} <= {True, False}


def test_a_command_that_fails_prints_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["games", "no-such-game", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no-such-game" in shown.err


def test_infinity_and_what_has_no_json_are_written_plainly() -> None:
    assert plain({1: (float("inf"), Path("a"))}) == {"1": [None, "a"]}


def test_what_counts_is_known_by_its_words() -> None:
    assert counted("1,200 of 3,000 games") == ("1,200 of 3,000 games", 1200, 3000)
    assert counted("a-1 is done (1 of 4): number 0.7") == ("1 of 4", 1, 4)
    assert counted("pair 7: LLR +0.1 in (-2, 2)") == ("pair 7: LLR +0.1", 7, None)
    assert counted("code runs in: local") is None


def test_in_a_pipe_progress_is_plain_lines(tmp_path: Path) -> None:
    asked = ["-m", "sparring", "tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "20"]
    done = subprocess.run(
        [sys.executable, *asked], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "\n40 of 40 games\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout


def test_in_a_pipe_a_gate_tells_of_every_tenth_pair_and_once_how_it_ended(tmp_path: Path) -> None:
    command = f"{sys.executable} -m sparring gate nash random --game kuhn-poker-v0 --pairs 25"
    asked = [*command.split(), "--high", "0.05"]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path).stdout
    assert re.findall(r"^pair (\d+): LLR", done, re.M) == ["10", "20"]
    assert done.count("undecided after 25 pairs") == 1


def test_on_a_terminal_a_gate_is_one_line_that_changes(tmp_path: Path) -> None:
    asked = "-m sparring gate nash random --game kuhn-poker-v0 --pairs 12"
    child = pexpect.spawn(
        f"{sys.executable} {asked}", encoding="utf-8", timeout=60, cwd=str(tmp_path)
    )
    child.expect(pexpect.EOF)
    # what was drawn over stands before the last erasing of a line
    seen = [line.rpartition("\x1b[2K")[2] for line in child.before.split("\n")]
    assert sum("pair " in line and ": LLR" in line for line in seen) == 1
    child.close()


def completions(line: str, folder: Path) -> list[str]:
    """What the shell is offered at the end of a line."""
    asked = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(folder / "found"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([sys.executable, "-m", "sparring"], env=asked, cwd=folder, check=True)
    return [word.strip() for word in (folder / "found").read_text().split("\n")]


def test_a_shell_completes_commands_games_and_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "runs" / "poker").mkdir(parents=True)
    assert "tournament" in completions("sparring tour", tmp_path)
    assert completions("sparring play kuhn", tmp_path) == ["kuhn-poker-v0"]
    assert "poker@latest" in completions("sparring tournament kuhn-poker-v0 po", tmp_path)


def test_every_shell_gets_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        assert "sparring" in capsys.readouterr().out
