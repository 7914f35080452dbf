"""What a run records is in TensorBoard's files as it is in `metrics.jsonl`."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.watch.records import Metrics, Records
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

RECORDS: list[Metrics] = [
    {"step": 2, "games": 16, "payoff/first": -0.25, "entropy/first": None, "phase": "one"},
    {"step": 4, "games": 32, "payoff/first": 0.5, "kl": math.inf},
]


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    board = EventAccumulator(str(RunFolder(folder).tensorboard)).Reload()
    return {
        name: [(event.step, event.value) for event in board.Scalars(name)]
        for name in board.Tags()["scalars"]
    }


def written(folder: Path, records: list[Metrics], after: int | None = None) -> None:
    made = Records(folder, tensorboard=True, after=after)
    for record in records:
        made.add(record)
    made.close()


def test_tensorboard_has_every_number_at_its_step_and_nothing_else(tmp_path: Path) -> None:
    written(tmp_path, RECORDS)
    assert events(tmp_path) == {
        "games": [(2, 16.0), (4, 32.0)],
        "payoff/first": [(2, -0.25), (4, 0.5)],
        "kl": [(4, math.inf)],
    }


def test_a_resumed_run_takes_back_what_lies_beyond_its_checkpoint(tmp_path: Path) -> None:
    written(tmp_path, RECORDS)
    written(tmp_path, [{"step": 4, "games": 40}], after=2)
    assert [record["games"] for record in RunFolder(tmp_path).records()] == [16, 40]
    assert events(tmp_path)["games"] == [(2, 16.0), (4, 40.0)]


@pytest.mark.parametrize("value", [3, 2.5, True])
def test_whole_numbers_and_truths_are_numbers_too(tmp_path: Path, value: float) -> None:
    written(tmp_path, [{"step": 1, "x": value}])
    assert events(tmp_path) == {"x": [(1, float(value))]}
