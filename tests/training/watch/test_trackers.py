"""Trackers get every number of a run, and a tracker that fails harms nothing."""

from __future__ import annotations

import importlib.machinery
import json
import sys
import types

import pytest
from sparring.cli import main
from sparring.training.config import Config, ConfigError
from sparring.training.recipes import configured
from sparring.training.run import train
from sparring.training.watch.trackers import Tracker, check_trackers


class Fake(types.ModuleType):
    """A library with the face that trackio and wandb share."""

    def __init__(self, name, broken=()):
        super().__init__(name)
        self.__spec__ = importlib.machinery.ModuleSpec(name, None)
        self.broken = broken
        self.begun, self.logged, self.ended = [], [], 0

    def _may(self, what):
        if what in self.broken:
            raise ConnectionError("no\nroute")

    def init(self, **given):
        self._may("init")
        self.begun.append(given)
        return self

    def log(self, numbers, step):
        self._may("log")
        self.logged.append((step, dict(numbers)))

    def finish(self):
        self._may("finish")
        self.ended += 1


@pytest.fixture
def fake(monkeypatch):
    def make(name, broken=()):
        module = Fake(name, broken)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return make


SMALL = ["rollout.games=16", "steps=3", "record.evaluate_every=0", "record.metrics_every=1"]


def test_a_run_logs_every_record_at_its_step(fake, tmp_path):
    trackio, wandb = fake("trackio"), fake("wandb")
    settings = [*SMALL, 'record.trackers=["trackio", "wandb"]', "record.tensorboard=false"]
    done = train(configured("spiral", None, settings, {"out": str(tmp_path / "r")}), quiet=True)
    lines = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
    for tracker in (trackio, wandb):
        assert [step for step, _ in tracker.logged] == [line["step"] for line in lines]
        for (_, numbers), line in zip(tracker.logged, lines, strict=True):
            assert all(line[name] == value for name, value in numbers.items())
            assert "games" in numbers
            assert "step" not in numbers
        assert tracker.ended == 1
        assert tracker.begun[0]["name"] == "r"
        assert tracker.begun[0]["config"]["update.lr"] == 5e-4
    assert wandb.begun[0]["dir"] == str(done.folder)


@pytest.mark.parametrize("broken", ["init", "log", "finish"])
def test_a_tracker_that_fails_is_left_out_with_one_line(fake, tmp_path, caplog, broken):
    fake("wandb", broken=(broken,))
    tracker = Tracker("wandb", tmp_path, Config())
    for step in (1, 2):
        tracker.add({"step": step, "games": 3})
    tracker.close()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == (
        "wandb takes no more metrics (ConnectionError: no route); metrics.jsonl has them all"
    )


def test_one_that_there_is_not_or_is_not_installed_or_is_named_twice_is_refused(
    fake, monkeypatch, capsys, tmp_path
):
    with pytest.raises(ConfigError, match="no tracker 'wandbb'; did you mean wandb"):
        check_trackers(["wandbb"])
    fake("trackio")
    with pytest.raises(ConfigError, match="names one twice: trackio, trackio"):
        check_trackers(["trackio", "trackio"])
    # None in the table of modules is how Python says that there is none
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    out = str(tmp_path / "r")
    asked = ["train", "spiral", "--set", 'record.trackers=["wandb"]', "--out", out, "--dry-run"]
    assert main(asked) == 2
    assert "which is not installed: pip install 'sparring[wandb]'" in capsys.readouterr().err


def test_a_resumed_run_goes_on_under_its_id(fake, tmp_path):
    wandb = fake("wandb")
    for _ in range(2):
        Tracker("wandb", tmp_path, Config())
    one, other = wandb.begun
    assert one["id"] == other["id"]
    assert one["resume"] == "allow"
