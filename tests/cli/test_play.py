"""Games in a terminal: listed, shown, checked, watched, and played by a person."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pexpect
import pytest
from sparring.cli import main
from sparring.commands import games
from sparring.commands.options import chosen_game
from sparring.commands.play import placed
from sparring.commands.play_web import facing
from sparring.envs.registry import find, game_ids


def test_games_stand_under_their_families_with_roles_and_sum(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["games"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "reference"
    heads = [line for line in lines if not line.startswith(" ")]
    assert heads[: len(games.FAMILIES)] == list(games.FAMILIES)
    below = lines[lines.index("generator and critic") :]
    assert any(line.split()[:3] == ["discussion-v0", "agent×3,", "judge"] for line in below)
    assert all(find(id).family in games.FAMILIES for id in game_ids() if _ours(id))


def _ours(id: str) -> bool:
    return "/" not in id and not id.startswith(("test-", "my-"))


def test_a_game_is_shown_with_parameters_facts_and_a_sample_game(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["games", "negotiation-v0"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "You trade wood",
        "turns=10",
        "zero sum; a forfeit pays -2",
        "Source: SPIRAL",
        "[payoff]",
    ):
        assert part in shown


def test_a_game_is_checked_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["games", "--check", "matching-pennies-v0", "--seeds", "2"]) == 0
    assert "all checks passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("game", "given", "label"),
    [
        ("nim-v0", "heaps=5", "nim-v0(heaps=5)"),
        ("nim-v0", "heaps='1-2'", "nim-v0(heaps=1-2)"),
        ("leduc-poker-v0", "suits=false", "leduc-poker-v0(suits=False)"),
    ],
)
def test_a_parameter_is_given_as_its_game_wants_it(game: str, given: str, label: str) -> None:
    arguments = Namespace(game=game, set=[given], load=[])
    assert chosen_game(arguments).ref.label == label


def test_watching_shows_a_move_before_the_next_is_made() -> None:
    command = [
        sys.executable,
        "-m",
        "sparring",
        "play",
        "tic-tac-toe-v0",
        "--watch",
        "--delay",
        "60",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        head = [child.stdout.readline() for _ in range(7)]
        child.kill()
    assert head[-1].startswith("[0] x says: ")


def test_a_game_says_its_seed_and_the_flag_for_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "kuhn-poker-v0", "--seed", "3", "--games", "2"]) == 0
    assert capsys.readouterr().out.startswith("kuhn-poker-v0, seeds 3 to 4; --seed 5 plays another")


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["games"], ""),
        (["tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "12"], r"nash +\+.* \+/- \d"),
        (["tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "12"], r"random +-0\.\d+ "),
    ],
)
def test_a_terminal_without_unicode_gets_signs_in_ascii(
    argv: list[str], shown: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sparring", *argv],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(shown, done.stdout)
    assert "?" not in done.stdout


def test_a_game_that_is_not_registered_has_no_playthrough_and_no_traceback() -> None:
    command = [sys.executable, "-m", "sparring.envs.playthrough", "nimm-v0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("playthrough: no game 'nimm-v0'; did you mean nim-v0")
    assert done.stderr.count("\n") == 1


def test_watching_ends_with_the_payoff(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "taboo-v0", "--watch"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("attacker says") == 3
    assert shown.rstrip().endswith("payoff: attacker +1, defender -1")


def test_a_person_plays_tic_tac_toe_in_a_terminal() -> None:
    command = (
        f"{sys.executable} -m sparring play tic-tac-toe-v0 --seat x=human --seat o=random --seed 3"
    )
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
        f"{sys.executable} -m sparring play tic-tac-toe-v0 --seat x=human",
        encoding="utf-8",
        timeout=60,
    )
    child.expect("[Tt]ic")
    child.sendintr()
    child.expect("interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


@pytest.mark.parametrize(
    "flags",
    [
        "--port 8021",
        "--host 0.0.0.0",
        "--web --games 3",
        "--web --seed 4",
        "--web --json",
        "--web --delay 1",
        "--against nash",
        "--out mine",
    ],
)
def test_play_refuses_flags_that_its_form_would_ignore(
    flags: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["play", "kuhn-poker-v0", *flags.split()]) == 2
    printed = capsys.readouterr()
    assert "--web" in printed.err
    assert printed.out == ""


def test_a_table_refuses_a_seat_of_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "kuhn-poker-v0", "--web", "--port", "0", "--seat", "first=bogus"]) == 2
    assert "bogus" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("named", "against", "sits"),
    [
        ({}, [], {"first": "random", "second": "random"}),
        ({}, ["nash", "tiny"], {"first": "nash", "second": "nash"}),
        ({"second": "human"}, ["nash"], {"first": "nash", "second": "human"}),
        ({"*": "random"}, ["nash"], {"first": "random", "second": "random"}),
    ],
)
def test_who_was_named_to_play_against_sits_at_the_table(named, against, sits):
    assert placed(find("kuhn-poker-v0"), facing(named, against)) == sits
