"""A run that is stopped by Ctrl-C between two checkpoints goes on as one that was never stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder, scheduled
from sparring.arenas.store import Store
from sparring.envs.registry import find
from sparring.training import checkpoints
from sparring.training.config import Config
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.selfplay import SelfPlay
from sparring.training.watch.monitors import Alarm, Watcher

SMALL = [
    "rollout.games=12",
    "steps=6",
    "record.evaluate_every=2",
    "record.checkpoint_every=2",
    "record.metrics_every=2",
    "record.transcripts_every=0",
    "record.tensorboard=false",
    "threads=1",
]
SETTINGS = {
    "past": ["opponents.mode=past"],
    "adapter": ["opponents.mode=past", "update.lora=2"],
    "league": ["opponents.mode=league", "opponents.every=2"],
    "trial": ["watch.trial=2", "watch.frozen=random"],
    "twice on the same games": ["update.iterations=2", "opponents.mode=past"],
    "critic": ["credits.estimator=critic", "rollout.explore=0.1"],
    "the last checkpoint alone": ["record.keep=1"],
}


def small(out: Path, *settings: str) -> Config:
    return configured("spiral", None, [*SMALL, *settings], {"out": str(out)})


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[tuple[str, ...]]]:
    """Who met whom, by the step."""
    found: dict[int, list[tuple[str, ...]]] = {}
    play = SelfPlay.batch

    def batch(this: SelfPlay, number: int):
        packed = play(this, number)
        assert this.last
        found[number] = [
            tuple(ref.name for ref in episode.seats.values()) for episode in this.last.episodes
        ]
        return packed

    monkeypatch.setattr(SelfPlay, "batch", batch)
    return found


def interrupted(config: Config, patch: pytest.MonkeyPatch) -> int:
    """Train, with a Ctrl-C while the third step is played; returns the step that was saved."""
    play = SelfPlay.batch

    def stopped(this: SelfPlay, number: int):
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return play(this, number)

    with patch.context() as once:
        once.setattr(SelfPlay, "batch", stopped)
        done = train(config, quiet=True)
    assert done.interrupted
    return done.step


def curve(folder: Path) -> list[dict[str, object]]:
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in r.items() if not k.startswith(timed)} for r in RunFolder(folder).records()
    ]


def rated(folder: Path) -> list[tuple[object, ...]]:
    """The games of the run's store."""
    if not RunFolder(folder).store.exists():
        return []
    with Store(RunFolder(folder).store) as store:
        return [
            (kind, row.order, row.seed, [replace(place, seconds=0.0) for place in row.places])
            for kind in ("rating", "league")
            for row in store.rows(find("kuhn-poker-v0"), kind)
        ]


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_it_meets_whom_an_unbroken_run_meets_and_has_its_records_trials_and_checkpoints(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    met: dict[int, list[tuple[str, ...]]],
    settings: list[str],
) -> None:
    whole, cut = tmp_path / "whole/run", tmp_path / "cut/run"
    train(small(whole, *settings), quiet=True)
    unbroken = dict(met)
    met.clear()

    step = interrupted(small(cut, *settings), monkeypatch)
    resume(cut, quiet=True)
    assert met == unbroken
    for one, other in zip(curve(cut), curve(whole), strict=True):
        assert one == other
    assert rated(cut) == rated(whole)
    kept = scheduled(RunFolder(whole).checkpoints)
    assert scheduled(RunFolder(cut).checkpoints) == kept
    unplanned = step % 2 and step > kept[0]
    assert RunFolder(cut).steps == sorted([*kept, *([step] if unplanned else [])])


def test_its_checkpoint_is_whole_and_no_past_self(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert interrupted(small(tmp_path / "run", "opponents.mode=past"), monkeypatch) == 3
    folder = RunFolder(tmp_path / "run")
    assert (folder.steps, scheduled(folder.checkpoints)) == ([2, 3], [2])
    checkpoints.verify(folder.checkpoint(3))
    assert resume(f"{folder.path}@3", quiet=True).step == 6


def test_a_run_that_goes_back_does_so_to_a_checkpoint_of_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(this: Watcher, record: dict[str, float]) -> list[Alarm]:
        raised.append(record["step"])
        return [Alarm("test", 4, "once")] if record["step"] == 4 and raised.count(4) == 1 else []

    runs = {}
    for name in ("whole", "cut"):
        raised: list[float] = []
        config = small(tmp_path / name, "watch.action=rollback")
        with monkeypatch.context() as patch:
            patch.setattr(Watcher, "look", look)
            if name == "whole":
                train(config, quiet=True)
            else:
                assert interrupted(config, monkeypatch) == 3
                resume(tmp_path / name, quiet=True)
        assert raised.count(4) == 2
        runs[name] = curve(tmp_path / name)
        assert RunFolder(tmp_path / name).steps == [2, 4, 6]
    assert runs["cut"] == runs["whole"]


def alarming() -> Callable[[Watcher, dict[str, float]], list[Alarm]]:
    """A watcher that raises an alarm at step 3, the first time that it comes."""
    raised: list[float] = []

    def look(this: Watcher, record: dict[str, float]) -> list[Alarm]:
        raised.append(record["step"])
        return [Alarm("test", 3, "once")] if record["step"] == 3 and raised.count(3) == 1 else []

    return look


@pytest.mark.parametrize("action", ["stop", "rollback"])
def test_in_the_step_of_an_alarm_it_ends_the_run_and_saves_nothing_that_the_alarm_takes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    settings = [f"watch.action={action}", "record.metrics_every=1"]
    with monkeypatch.context() as patch:
        patch.setattr(Watcher, "look", alarming())
        assert interrupted(small(tmp_path / "run", *settings), monkeypatch) == 3
    folder = RunFolder(tmp_path / "run")
    assert folder.steps == [2]
    assert "rollbacks = 1" not in folder.config.read_text()
    assert resume(folder.path, quiet=True).step == 6


def test_in_the_last_step_it_comes_too_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = SelfPlay.batch

    def stopped(this: SelfPlay, number: int):
        if number == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return play(this, number)

    monkeypatch.setattr(SelfPlay, "batch", stopped)
    done = train(small(tmp_path / "run"), quiet=True)
    assert (done.interrupted, done.step) == (False, 6)


def test_a_run_that_is_taken_back_by_hand_has_one_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(small(tmp_path / "run"), quiet=True)
    folder = RunFolder(tmp_path / "run")
    whole = curve(folder.path)
    play = SelfPlay.batch

    def killed(this: SelfPlay, number: int):
        if number == 3:
            raise KeyboardInterrupt
        return play(this, number)

    with monkeypatch.context() as patch:
        patch.setattr(SelfPlay, "batch", killed)
        with pytest.raises(KeyboardInterrupt):
            resume(f"{folder.path}@2", quiet=True)
    assert folder.steps == [2]
    left = folder.checkpoints / "left"
    assert sorted(path.name for path in left.iterdir()) == ["step-4", "step-6"]
    checkpoints.verify(left / "step-6")
    # What the last checkpoint says comes next, comes next.
    assert resume(folder.path, quiet=True).step == 6
    assert curve(folder.path) == whole
