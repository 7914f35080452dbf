"""`metrics.jsonl`, one line a recorded step, and the same numbers for TensorBoard and trackers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ...agents.run_folder import RunFolder
from ..checkpoints import replace_text, writing
from .trackers import Tracker

Metrics: TypeAlias = dict[str, float | int | str | None]
"""One line of `metrics.jsonl`: names with a role after a slash, like `payoff/first`."""


class Unwritten:
    """Records of a process that does not write."""

    def add(self, record: Metrics) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Nothing is open."""


class Records(Unwritten):
    """Appends records as they come. `after` drops what an interrupted run wrote beyond a step."""

    def __init__(
        self,
        folder: Path,
        *,
        tensorboard: bool,
        after: int | None = None,
        trackers: Sequence[Tracker] = (),
    ) -> None:
        self._path = RunFolder(folder).metrics
        # Steps beyond the checkpoint are played again and would stand there twice.
        if after is not None:
            _cut(self._path, after)
        self._file = self._path.open("a")
        self._board = _board(RunFolder(folder).tensorboard, after) if tensorboard else None
        self._trackers = trackers

    def add(self, record: Metrics) -> None:
        """Raises CheckpointError when the disk is full."""
        with writing(self._path):
            self._file.write(json.dumps(record) + "\n")
            # A run that is killed loses no whole record, and readers see each at once.
            self._file.flush()
        if self._board:
            self._board.file_writer.add_summary(_summary(record), int(record["step"] or 0))
        for tracker in self._trackers:
            tracker.add(record)

    def close(self) -> None:
        self._file.close()
        if self._board:
            self._board.close()
        for tracker in self._trackers:
            tracker.close()


def _cut(path: Path, after: int) -> None:
    kept = [record for record in RunFolder(path.parent).records() if record["step"] <= after]
    with writing(path):
        replace_text(path, "".join(json.dumps(record) + "\n" for record in kept))


def _summary(record: Metrics) -> Any:
    """The record's numbers as one event: an event each takes eighteen times as long."""
    from tensorboard.compat.proto.summary_pb2 import (
        Summary,  # pyright: ignore[reportAttributeAccessIssue] made from a description of messages
    )

    return Summary(
        value=[
            Summary.Value(tag=name, simple_value=value)
            for name, value in record.items()
            if isinstance(value, (int, float)) and name != "step"
        ]
    )


def _board(folder: Path, after: int | None) -> Any:
    # Loaded only where it is asked for.
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=None if after is None else after + 1)
