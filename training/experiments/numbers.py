"""One number of a run, read from its metrics: at the end, at its best, or when another has come so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, cast

from ...envs.errors import did_you_mean
from ..config import Watch
from ..watch.monitors import Watcher, unknown
from ..watch.records import Metrics
from .expectations import MOST, ExperimentError

MAIN: Final = "number"
"""The name of the number that a claim is about."""
ALARM: Final = "alarm/"
"""Begins the name of an alarm, whose number is the step at which it was first raised."""
_AT: Final = ("last", "first", "least", "greatest", "mean")
_KEYS: Final = ("of", "at", "since", "when", "reaches")
_EXACT: Final = (
    *("nashconv", "legal_mass", "versus_nash"),
    *("value", "gain", "worst", "exact", "exact_entropy"),
)


@dataclass(frozen=True, slots=True)
class Number:
    """What is read from a run's records.

    of:      a metric, or alarm/NAME for the step of that alarm.
    at:      last, first, least, greatest or mean over the records, or a step.
    since:   the step that the first of these records may have.
    when, reaches: in place of `at`, where the metric `when` first comes to `reaches`, between two records by
             the straight line.
    """

    of: str
    at: str | int = "last"
    when: str = ""
    reaches: float = 0.0
    since: int = 0

    def read(self, records: Sequence[Metrics], limits: Watch) -> float | None:
        """The number; None where a metric never came so far, or an alarm was never raised.

        It is nan or infinite where a record is. Raises ExperimentError for a metric that no record has.
        """
        if self.of.startswith(ALARM):
            return _alarmed(self.of.removeprefix(ALARM), records, limits)
        points = _points(self.of, records, self.since)
        if self.when:
            return self._crossing(points, dict(_points(self.when, records)))

        values = [value for _, value in points]
        if isinstance(self.at, int):
            # what was recorded last by then
            return next((value for step, value in reversed(points) if step <= self.at), None)
        if self.at not in ("last", "first") and not all(map(math.isfinite, values)):
            return math.nan
        chosen = {"last": values[-1], "first": values[0], "least": min(values)}
        return chosen.get(self.at, max(values) if self.at == "greatest" else fmean(values))

    def exact(self, records: Sequence[Metrics]) -> bool:
        """Whether it is computed over a whole tree or all tasks, and not sampled."""
        names = [self.of, *([self.when] if self.when else [])]
        return all(_exact(name, records) for name in names)

    @property
    def told(self) -> str:
        """What it is, in words."""
        what = f"step of the alarm {self.of.removeprefix(ALARM)}" if ALARM in self.of else self.of
        if self.when:
            return f"{what} where {self.when} reaches {self.reaches:g}"
        if self.at == "last" or self.of.startswith(ALARM):
            return what
        if isinstance(self.at, int):
            return f"{what} at step {self.at}"
        return f"{what}, {self.at}" + (f" since step {self.since}" if self.since else "")

    def _crossing(
        self, points: Sequence[tuple[int, float]], other: Mapping[int, float]
    ) -> float | None:
        both = [(value, other[step]) for step, value in points if step in other]
        if not both:
            raise ExperimentError(f"no record has both {self.of} and {self.when}")
        # it is reached from the side on which it begins
        sign = 1 if both[0][1] < self.reaches else -1

        before = both[0]
        for value, reached in both:
            if sign * (reached - self.reaches) >= 0:
                span = reached - before[1]
                share = (self.reaches - before[1]) / span if span else 1.0
                return before[0] + share * (value - before[0])
            before = (value, reached)
        return None


def number(name: str, value: Any) -> Number:
    """Read a number as the file gives it: a metric's name, or a table. Raises ExperimentError."""
    given: Any = {"of": value} if isinstance(value, str) else value
    data = cast(dict[str, Any], given if isinstance(given, dict) else {})
    if not isinstance(data.get("of"), str) or not data["of"]:
        raise ExperimentError(f"{name} must be a metric, or a table with `of`; it is {value!r}")
    if strange := [key for key in data if key not in _KEYS]:
        raise ExperimentError(f"{name} has no key {strange[0]!r}{did_you_mean(strange[0], _KEYS)}")

    at, when, reaches = data.get("at", "last"), data.get("when", ""), data.get("reaches", 0.0)
    if at not in _AT and not (type(at) is int and at >= 0):
        raise ExperimentError(f"{name}.at must be {', '.join(_AT)} or a step; it is {at!r}")
    if not isinstance(when, str) or type(reaches) not in (int, float) or not abs(reaches) <= MOST:
        raise ExperimentError(f"{name}: when is a metric, and reaches a number up to {MOST:g}")
    if ("when" in data) != ("reaches" in data) or ("when" in data and "at" in data):
        raise ExperimentError(f"{name}: when and reaches go together, and stand in place of at")
    since = data.get("since", 0)
    if type(since) is not int or since < 0:
        raise ExperimentError(f"{name}.since must be a step, 0 or more; it is {since!r}")
    if since and at not in ("first", "least", "greatest", "mean"):
        raise ExperimentError(f"{name}.since goes with at = first, least, greatest or mean")
    if data["of"].startswith(ALARM):
        if len(data) > 1:
            raise ExperimentError(f"{name} is the step of an alarm, which has no at, since or when")
        if why := unknown(data["of"].removeprefix(ALARM)):
            raise ExperimentError(f"{name}: {why}")
    return Number(data["of"], at, when, float(reaches), since)


def _points(name: str, records: Sequence[Metrics], since: int = 0) -> list[tuple[int, float]]:
    """(step, value) of a metric from a step on, in order."""
    found = [
        (int(record["step"] or 0), float(value))
        for record in records
        if isinstance(value := record.get(name), (int, float))
    ]
    later = [(step, value) for step, value in found if step >= since]
    if found and not later:
        raise ExperimentError(f"{name} was last recorded at step {found[-1][0]}, not since {since}")
    if not found:
        known = dict.fromkeys(key for record in records for key in record)
        raise ExperimentError(
            f"no metric {name!r} in the run{did_you_mean(name, known, '; metrics.jsonl has their names')}"
        )
    return later


def _alarmed(name: str, records: Sequence[Metrics], limits: Watch) -> float | None:
    """The step of the first alarm of this name."""
    watcher = Watcher(limits)
    for record in records:
        for alarm in watcher.look(record):
            if alarm.name == name:
                return float(alarm.step)
    return None


def _exact(name: str, records: Sequence[Metrics]) -> bool:
    kind, _, rest = name.partition("/")
    if kind == "exam":
        # an exam that is sampled says how many items were lost
        lost = f"exam/{rest.rpartition('/')[0].removesuffix('/gain')}/lost_items"
        return not any(lost in record for record in records)
    # of several games the game's name stands first
    last = name.rpartition("/")[2].removesuffix("_average")
    return kind.removesuffix("_average") in _EXACT or last in _EXACT[:3]
