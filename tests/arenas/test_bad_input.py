"""What a user may get wrong, through the command line: one clear line, exit code 2, nothing touched."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.scripted import Random
from sparring.arenas.store.reading import Archive
from sparring.arenas.store.store import GameVersionError
from sparring.arenas.tournament import tournament
from sparring.cli import main
from sparring.envs.registry import Game


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 2
    *announced, error = capsys.readouterr().err.splitlines(keepends=True)
    assert all(line.startswith("preparing ") for line in announced)  # on a busy machine
    assert error.startswith("sparring: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("config", ["", "{}", '{"model_type": "no-such-model"}'])
def test_an_entrant_that_fails_to_load_is_named_and_nothing_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text(config)
    out = tmp_path / "run"
    said = refused(capsys, "tournament", "kuhn-poker-v0", "random", str(broken), "--out", str(out))
    assert "broken" in said
    assert not out.exists()


def test_a_damaged_checkpoint_is_named_and_nothing_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "demo" / "checkpoints" / "step-5"
    home.mkdir(parents=True)
    (home / "config.json").write_text("{")
    said = refused(capsys, "gate", f"{tmp_path / 'demo'}@5", "random", "--game", "kuhn-poker-v0")
    assert "step-5" in said


def test_a_store_from_a_newer_version_is_refused_by_every_command(
    tmp_path: Path, kuhn: Game, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "store.sqlite"
    tournament(kuhn, [Random(1), Random(2)], path, pairs=2)
    base = sqlite3.connect(path)
    (version,) = base.execute("PRAGMA user_version").fetchone()
    base.execute("PRAGMA user_version = 99")
    base.close()
    for argv in (
        ("tournament", "kuhn-poker-v0", "random", "nash", "--out", str(tmp_path)),
        ("tournament", "kuhn-poker-v0", "random", "nash", "--out", str(tmp_path), "--dry-run"),
        ("tournament", "verify", str(tmp_path)),
        ("gate", "random", "nash", "--game", "kuhn-poker-v0", "--out", str(tmp_path)),
        ("league", str(tmp_path)),
        ("report", str(tmp_path)),
    ):
        said = refused(capsys, *argv)
        assert f"newer Sparring (store version 99; this one knows {version})" in said
    base = sqlite3.connect(path)
    base.execute(f"PRAGMA user_version = {version}")
    base.close()
    with Archive(path) as store:
        assert len(store) == 4


def test_a_game_of_another_version_is_refused_and_the_old_games_stay(
    tmp_path: Path, kuhn: Game
) -> None:
    path, entrants = tmp_path / "store.sqlite", [Random(1), Random(2)]
    tournament(kuhn, entrants, path, pairs=2)
    newer = replace(kuhn, ref=replace(kuhn.ref, id="kuhn-poker-v1"))
    with pytest.raises(GameVersionError, match="use another store"):
        tournament(newer, entrants, path, pairs=2)
    changed = replace(kuhn, payoff_range=(-3.0, 3.0))
    with pytest.raises(GameVersionError, match="needs a new version"):
        tournament(changed, entrants, path, pairs=2)
    with Archive(path) as store:
        assert len(store) == 4


def test_an_anchor_that_nobody_is_called_is_refused_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ("tournament", "kuhn-poker-v0", "random", "nash", "--out", str(tmp_path))
    assert "did you mean nash?" in refused(capsys, *argv, "--anchor", "nahs")
    assert "there are mean, random, nash" in refused(capsys, *argv, "--anchor", "7")
    assert not (tmp_path / "store.sqlite").exists()


def test_a_run_is_verified_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        main(["tournament", "kuhn-poker-v0", "random", "nash", "--pairs", "2", "--out", "poker"])
        == 0
    )
    assert main(["tournament", "verify", "poker"]) == 0
    assert "as recorded" in capsys.readouterr().out
