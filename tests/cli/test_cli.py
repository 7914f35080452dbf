"""The command line: fast to start and honest about what is wrong."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pexpect
import pytest
from sparring.cli import main, parser
from sparring.commands.output import patience
from sparring.commands.stores import kept
from sparring.training.settings import read

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "transformers",
    "trl",
    "docker",
    "pettingzoo",
    "gymnasium",
    "scipy",
    "networkx",
    "ray",
)


def test_starting_imports_nothing_heavy() -> None:
    code = f"import sys, sparring, sparring.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"sparring {version('sparring')}\n"


def test_listing_games_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sparring.cli import main; main(['games']); "
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "kuhn-poker-v0" in done.stdout
    assert done.stdout.strip().endswith("[]")


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("games", "play", "train", "exam", "tournament", "report", "sandbox"):
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
        (["play", "kuhn-poker-v0", "--watch", "--delay", "-1"], "from 0 to 60; came -1"),
        (["play", "kuhn-poker-v0", "--watch", "--delay", "nan"], "from 0 to 60; came nan"),
        (["play", "kuhn-poker-v0", "--games", "0"], "a whole number from 1"),
        (["play", "kuhn-poker-v0", "--games", "many"], "a whole number from 1"),
        (["play", "kuhn-poker-v0", "--shots", "-1"], "a whole number from 0 to 64"),
        (["play", "kuhn-poker-v0", "--seed", "-4"], "a whole number from 0"),
        (
            ["play", "kuhn-poker-v0", "--wach"],
            "--wach; did you mean --watch?; see sparring play --help",
        ),
        (
            ["train", "spiral", "--threads", "-3"],
            "--threads -3; settings are given by --set KEY=VALUE; see sparring train --help",
        ),
        (["play", "kuhn-poker-v0", "--engine", "vlm"], "no engine 'vlm'; did you mean vllm?"),
        (["games", "--check", "kuhn-poker-v0", "--seeds", "0"], "a whole number from 1"),
        (["trian", "spiral"], "no 'trian'; did you mean train?"),
        ([], "required: COMMAND; see sparring --help"),
        (
            ["tournament", "kuhn-poker-v0", "random", "human"],
            "sparring play GAME --seat ROLE=human",
        ),
        (["gate", "human", "random", "--game", "kuhn-poker-v0"], "human cannot be rated"),
        (
            ["tournament", "kuhn-poker-v0", "random", "nash", "--anchor", "nsh"],
            "did you mean nash?",
        ),
        (["tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "1e3"], "came 1e3"),
        (
            ["tournament", "kuhn-poker-v0", "random", "nash", "--out", "n" * 300],
            "n: File name too long",
        ),
        (["train", "spiral", "--seed", "-4"], "a whole number from 0"),
        (["train", "spiral", "--steps", "0"], "a whole number from 1"),
        (["train", "spiral", "--verifier", "dokcer", "--dry-run"], "no verifier 'dokcer'"),
        (["games", "--check", "kuhn-poker-v0", "--verifier", "dokcer"], "no verifier 'dokcer'"),
        (["games", "--check", "kuhn"], "kuhn-poker-v0"),
        (["play", "prisoners-dilemma-v0", "--set", "round=3"], "rounds"),
        (["tournament", "kuhn-poker-v0", "random"], "two entrants"),
        (["tournament", "kuhn-poker-v0", "random", "random"], "random, random (--control rates"),
        (["tournament", "kuhn-poker-v0", "random", "nsh"], "nash"),
        (
            [
                "tournament",
                "kuhn-poker-v0",
                "random",
                "nash",
                "--executor",
                "ray",
                "--engine",
                "vllm",
            ],
            "leave out",
        ),
        (["tournament", "verify", "no-such-run"], "no-such-run"),
        (["league", "no-such-run"], "no-such-run"),
        (["league", "no-such-run", "--matches", "0"], "number from 1"),
        (
            ["gate", "nash", "random", "--game", "kuhn-poker-v0", "--low", "1", "--high", "0"],
            "low below high",
        ),
        (
            ["gate", "nash", "random", "--game", "kuhn-poker-v0", "--high", "9"],
            "between the scores -3 and 3",
        ),
        (
            ["gate", "nash", "random", "--game", "kuhn-poker-v0", "--alpha", "2"],
            "from 1e-09 to 0.499",
        ),
        (["gate", "nash", "random", "--game", "kuhn-poker-v0", "--pairs", "0"], "number from 1"),
        (
            ["gate", "nash", "random", "--game", "tic-tac-toe-v0"],
            "seat somebody else: random",
        ),
        (
            [
                "gate",
                "nash",
                "random",
                "--game",
                "kuhn-poker-v0",
                "--executor",
                "ray",
                "--engine",
                "vllm",
            ],
            "leave out",
        ),
        (["gate", "nash", "random"], "name the game with --game"),
        (["train"], "name a recipe: absolute-zero"),
        (["train", "spirl"], "spiral"),
        (["train", "spiral", "--set", "stepz=3"], "steps"),
        (["train", "spiral", "--set", "steps=many"], "steps"),
        (["train", "spiral", "--set", "game=kuhn"], "kuhn-poker-v0"),
        (["train", "spiral", "--model", "tinny"], "tiny"),
        (["train", "--resume", "no-such-run"], "no-such-run"),
        (["train", "--resume", "r", "--dry-run"], "leave out --dry-run"),
        (["train", "spiral", "--set", "game=kuhn", "--dry-run"], "kuhn-poker-v0"),
        (
            ["train", "--resume", "r", "--set", "update.lr=1", "--seed", "0"],
            "leave out --set, --seed",
        ),
        (["train", "spiral", "--resume", "r"], "leave out spiral"),
        (["train", "spiral", "--verifier", "dockr"], "give one of auto, docker, local"),
        (["play", "code-deduction-v0", "--verifier", "dockr"], "give one of auto, docker, local"),
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
    shown = capsys.readouterr().err.splitlines(keepends=True)
    error = "".join(line for line in shown if not line.startswith("preparing "))
    assert error.startswith("sparring: ")
    assert error.count("\n") == 1
    assert said in error
    assert not list(tmp_path.rglob("*.*")), "nothing half-written"


def test_only_what_takes_long_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    with patience("quick …"):
        pass
    with patience("slow …", after=0.0):
        while "slow …" not in (said := capsys.readouterr().err):
            pass
    assert "quick …" not in said


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda f: f.name)
def test_every_benchmark_has_help(file: Path) -> None:
    pytest.importorskip("textarena")
    done = subprocess.run([sys.executable, file, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage:")


def test_a_dry_run_prints_the_settings_of_all_files_and_flags_and_trains_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text('recipe = "spiral"\nsteps = 5\n[update]\nlr = 0.1\nkl = 2.0\n')
    (tmp_path / "b.toml").write_text("[update]\nlr = 0.2\n")
    files = ["--config", "a.toml", "--config", "b.toml"]
    assert main(["train", *files, "--set", "update.beta1=0.5", "--seed", "7", "--dry-run"]) == 0

    (tmp_path / "c.toml").write_text(capsys.readouterr().out)
    config = read("c.toml")
    assert (config.recipe, config.steps, config.seed) == ("spiral", 5, 7)
    assert (config.update.lr, config.update.kl, config.update.beta1) == (0.2, 2.0, 0.5)
    assert not (tmp_path / "runs").exists()


def test_the_settings_are_listed_with_their_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "spiral", "--settings"]) == 0
    shown = capsys.readouterr().out
    assert "steps = 3000  (integer, 1 to 10,000,000)\n    optimiser steps\n" in shown


def test_on_a_terminal_a_tournament_counts_its_games_on_one_line(tmp_path: Path) -> None:
    command = f"{sys.executable} -m sparring tournament kuhn-poker-v0 random nash --pairs 20"
    child = pexpect.spawn(command, encoding="utf-8", timeout=60, cwd=str(tmp_path))
    child.expect("report.html")
    lines = [line for line in child.before.split("\n") if " of 40 games" in line]
    assert len(lines) == 1
    # the bar is drawn again over itself, and stands at the end
    assert "40 of 40 games" in lines[0].rpartition("\x1b[2K")[2]
    child.close()


def test_a_folder_that_nothing_came_to_lie_in_is_gone_and_a_broken_off_run_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="no"), kept(tmp_path / "a" / "b"):
        raise ValueError("no")
    assert not (tmp_path / "a" / "b").exists()

    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "store.sqlite").touch()
    with pytest.raises(KeyboardInterrupt), kept(tmp_path / "c"):
        raise KeyboardInterrupt
    assert "the same command goes on" in capsys.readouterr().err
    assert (tmp_path / "c" / "store.sqlite").exists()


def test_train_lists_its_settings_and_prints_a_configuration_without_training(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train", "rise", "--settings"]) == 0
    assert 'credits.spread = "turn"  (terminal | to_go | turn)' in capsys.readouterr().out
    out = tmp_path / "run"
    assert main(["train", "spiral", "--steps", "7", "--out", str(out), "--dry-run"]) == 0
    assert "steps = 7\n" in capsys.readouterr().out
    assert (
        main(["train", "self-rewarding", "--set", "judge=", "--set", "phases=[]", "--dry-run"]) == 2
    )
    assert "name a model" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["self-rewarding", "--set", "judge=nosuch"], "every phase of this run sets judge"),
        (["score", "--set", "credits.spread=to_go"], "every phase of this run sets credits.spread"),
        # a model may take minutes to be built: what is wrong with a file is told before
        (["spice", "--set", "shelves.document=nowhere.jsonl"], "cannot read nowhere.jsonl"),
    ],
)
def test_a_setting_that_would_change_nothing_or_cannot_be_read_is_told_before_a_model_loads(
    capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert main(["train", *flags, "--dry-run"]) == 2
    assert said in capsys.readouterr().err
    assert main(["train", "score", "--set", "update.kl=0.3", "--dry-run"]) == 0
