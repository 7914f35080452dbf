"""Metrics for the trackers that people have: trackio and wandb, by `record.trackers`.

Both have one face (`init`, `log`, `finish`). Whether they send anything is theirs to say: trackio keeps its
numbers on this machine unless it is told of a space, and wandb does under `WANDB_MODE=offline`.
`metrics.jsonl` stays the truth: a tracker that fails is left out with one line, and the run goes on.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
from collections.abc import Generator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...envs.errors import did_you_mean
from ..config import Config, ConfigError, every

TRACKERS = ("trackio", "wandb")
PROJECT = "sparring"

_log = logging.getLogger(__name__)


def check_trackers(names: Sequence[str]) -> None:
    """Raises ConfigError for a tracker that there is not, is not installed, or is named twice."""
    for name in names:
        if name not in TRACKERS:
            raise ConfigError(f"no tracker {name!r}{did_you_mean(name, TRACKERS)}")
        if importlib.util.find_spec(name) is None:
            raise ConfigError(
                f"record.trackers names {name}, which is not installed: pip install 'sparring[{name}]'"
            )
    if len(set(names)) < len(names):
        raise ConfigError(f"record.trackers names one twice: {', '.join(names)}")


class Tracker:
    """One run in one tracker. A run that is resumed goes on under its name and id."""

    def __init__(self, name: str, folder: Path, config: Config) -> None:
        self.name = name
        self._run: Any = None
        with self._guarded():
            library: Any = importlib.import_module(name)
            # flat, because trackers filter by the names of settings
            settings = {
                key: value if isinstance(value, (int, float, str)) else str(value)
                for key, _, value in every(config)
            }

            # wandb tells runs apart by an id; trackio does by the name
            own: Mapping[str, Any] = {}
            if name == "wandb":
                own = {"id": _id(folder), "dir": str(folder)}
            self._run = library.init(
                project=PROJECT, name=folder.name, config=settings, resume="allow", **own
            )

    def add(self, record: Mapping[str, float | int | str | None]) -> None:
        """Log one record's numbers at its step."""
        numbers = {
            key: value
            for key, value in record.items()
            if key != "step" and isinstance(value, (int, float))
        }
        if self._run is not None:
            with self._guarded():
                self._run.log(numbers, step=int(record["step"] or 0))

    def close(self) -> None:
        if self._run is not None:
            with self._guarded():
                self._run.finish()

    @contextlib.contextmanager
    def _guarded(self) -> Generator[None]:
        """A fault inside ends the tracker, and not the run."""
        try:
            yield
        except Exception as fault:  # whatever the library, its server or its disk comes to
            said = " ".join(str(fault).split())[:200]
            _log.warning(
                "%s takes no more metrics (%s: %s); metrics.jsonl has them all",
                self.name,
                type(fault).__name__,
                said,
            )
            self._run = None


def _id(folder: Path) -> str:
    """The same for every part of one run, and another for a run of its name elsewhere."""
    return sha256(str(folder.resolve()).encode()).hexdigest()[:16]
