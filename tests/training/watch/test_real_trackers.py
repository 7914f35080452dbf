"""trackio and wandb themselves, offline: the numbers of `metrics.jsonl` stand in both."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

THERE = all(importlib.util.find_spec(library) for library in ("trackio", "wandb"))
# where they have to be, a missing one fails when the run begins and skips nothing
pytestmark = pytest.mark.skipif(
    not THERE and not os.environ.get("SPARRING_REQUIRE_OUTSIDE"), reason=".ci/outside.sh has it"
)

SETTINGS = [
    *("rollout.games=16", "record.evaluate_every=0", "record.metrics_every=1"),
    *("record.tensorboard=false", 'record.trackers=["trackio", "wandb"]'),
]


def kept(folder: Path) -> dict[int, dict[str, float]]:
    """Numbers by step, as trackio keeps them."""
    with sqlite3.connect(folder / "sparring.db") as base:
        rows = base.execute("select step, metrics from metrics").fetchall()
    return {step: json.loads(numbers) for step, numbers in rows}


def test_both_keep_every_number_offline(tmp_path):
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    run = tmp_path / "run"
    # a process of its own: trackio reads its folder when it is imported, by whomever
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sparring",
            "train",
            "spiral",
            "--steps",
            "2",
            *given,
            "--out",
            str(run),
        ],
        env={**os.environ, "WANDB_MODE": "offline", "TRACKIO_DIR": str(tmp_path / "trackio")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = kept(tmp_path / "trackio")
    assert sorted(found) == [line["step"] for line in lines]
    for line in lines:
        numbers = found[line["step"]]
        assert {"games", "entropy/first"} <= set(numbers)
        assert {name: line[name] for name in numbers} == pytest.approx(numbers)
    (offline,) = (run / "wandb").glob("offline-run-*")
    assert next(offline.glob("*.wandb")).stat().st_size > 0
