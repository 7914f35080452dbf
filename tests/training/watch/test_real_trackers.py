"""trackio and wandb themselves, offline: the numbers of `metrics.jsonl` stand in both."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
from pathlib import Path

import pytest
from sparring.training.recipes import configured
from sparring.training.run import train

# not imported here: trackio reads its folder from the environment when it is
THERE = all(importlib.util.find_spec(library) for library in ("trackio", "wandb"))
# where they have to be, a missing one fails when the run begins and skips nothing
pytestmark = pytest.mark.skipif(
    not THERE and not os.environ.get("SPARRING_REQUIRE_OUTSIDE"), reason=".ci/outside.sh has it"
)

SETTINGS = [
    *("rollout.games=16", "steps=2", "record.evaluate_every=0", "record.metrics_every=1"),
    *("record.tensorboard=false", 'record.trackers=["trackio", "wandb"]'),
]


def kept(folder: Path) -> dict[int, dict[str, float]]:
    """Numbers by step, as trackio keeps them."""
    with sqlite3.connect(folder / "sparring.db") as base:
        rows = base.execute("select step, metrics from metrics").fetchall()
    return {step: json.loads(numbers) for step, numbers in rows}


def test_both_keep_every_number_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    done = train(configured("spiral", None, SETTINGS, {"out": str(tmp_path / "run")}), quiet=True)

    lines = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
    found = kept(tmp_path / "trackio")
    assert sorted(found) == [line["step"] for line in lines]
    for line in lines:
        numbers = found[line["step"]]
        assert {"games", "entropy/first"} <= set(numbers)
        assert {name: line[name] for name in numbers} == pytest.approx(numbers)
    (run,) = (done.folder / "wandb").glob("offline-run-*")
    assert next(run.glob("*.wandb")).stat().st_size > 0
