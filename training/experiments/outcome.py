"""What an experiment found: numbers over seeds with intervals, differences paired by seed, the verdict.

Intervals are Student's over seeds (n − 1 degrees), at 95 %; those of several expectations hold together, by
Bonferroni's correction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any, Final, Literal, TypeAlias

from scipy import stats

from ..watch.records import Metrics
from .design import Design
from .expectations import Expectation, ExperimentError, State
from .numbers import MAIN
from .runs import Run, Spent

Verdict: TypeAlias = Literal["confirmed", "refuted", "undecided", "open"]
ERROR: Final = 0.05
APART: Final = 0.1
"""Arms whose sampled tokens differ by more than this share were not given the same."""
ALIKE: Final = 1e-3
"""Runs whose numbers differ by no more than this share (of 1 at least) are alike."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A mean over seeds and its interval; infinite where one seed alone was run."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of one arm by seed (None: it has none there), and over those seeds that have it."""

    seeds: Mapping[int, float | None]
    over: Spread | None


@dataclass(frozen=True, slots=True)
class Arm:
    """What was found of an arm: its numbers by name, and what a run of it took in the mean."""

    numbers: Mapping[str, Measured]
    steps: float
    tokens: float
    minutes: float


@dataclass(frozen=True, slots=True)
class Judged:
    """An expectation, the difference by seed, its interval, what that says, and why it says nothing."""

    text: str
    seeds: Mapping[int, float]
    over: Spread | None
    state: State
    why: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """All that an experiment found. `told` says what each number is; `exact` names those not sampled."""

    name: str
    claim: str
    paper: str
    note: str
    verdict: Verdict
    seeds: tuple[int, ...]
    arms: Mapping[str, Arm]
    expect: tuple[Judged, ...]
    told: Mapping[str, str]
    exact: tuple[str, ...]
    warnings: tuple[str, ...]
    minutes: float
    command: str

    def data(self) -> dict[str, Any]:
        """All of it as JSON values; JSON has no infinity."""
        return {"version": 1, **_plain(asdict(self))}


def outcome(
    design: Design, ran: Sequence[Run], took: Mapping[str, Spent], command: str = ""
) -> Result:
    """The result of the runs that are done. Raises ExperimentError for a metric that a run has not."""
    records = {run.name: run.folder.records() for run in ran}
    read = {run.name: _read(design, run, records[run.name]) for run in ran}
    arms = {arm: _arm(design, arm, ran, read, records, took) for arm in design.arms}
    level = 1 - ERROR / max(1, len(design.expect))
    judged = tuple(_judged(each, arms, design.seeds, level) for each in design.expect)
    exact = [
        name
        for name, number in design.numbers.items()
        if records and all(number.exact(records[run.name]) for run in ran)
    ]

    return Result(
        design.name,
        design.claim,
        design.paper,
        design.note,
        _verdict([each.state for each in judged]),
        design.seeds,
        arms,
        judged,
        {name: number.told for name, number in design.numbers.items()},
        tuple(exact),
        tuple(_warnings(design, arms, ran, read)),
        sum(took[run.name].cores for run in ran if run.name in took) / 60,
        command,
    )


def spread(values: Sequence[float], level: float = 0.95) -> Spread | None:
    """The mean with Student's interval; None of no value."""
    if not values:
        return None
    middle, count = fmean(values), len(values)
    if count == 1:
        return Spread(middle, -math.inf, math.inf)
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * stdev(values) / math.sqrt(count)
    return Spread(middle, middle - half, middle + half)


def numbers_of(design: Design, run: Run, records: Sequence[Metrics]) -> dict[str, float | None]:
    """Every number of one run (None: it has none, or none that is finite).

    Raises ExperimentError for a metric that it has not.
    """
    return _finite(_read(design, run, records))


def _read(design: Design, run: Run, records: Sequence[Metrics]) -> dict[str, float | None]:
    limits = run.config.watch
    try:
        return {name: number.read(records, limits) for name, number in design.numbers.items()}
    except ExperimentError as fault:
        raise ExperimentError(f"{run.name}: {fault}") from fault


def _finite(numbers: Mapping[str, float | None]) -> dict[str, float | None]:
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in numbers.items()
    }


def _arm(
    design: Design,
    arm: str,
    ran: Sequence[Run],
    read: Mapping[str, Mapping[str, float | None]],
    records: Mapping[str, Sequence[Metrics]],
    took: Mapping[str, Spent],
) -> Arm:
    own = [run for run in ran if run.arm == arm]
    found = {run.seed: _finite(read[run.name]) for run in own}
    numbers: dict[str, Measured] = {}
    for name in design.numbers:
        by_seed = {seed: values[name] for seed, values in found.items()}
        numbers[name] = Measured(by_seed, spread([x for x in by_seed.values() if x is not None]))

    return Arm(
        numbers,
        _mean(_last(records[run.name], "step") for run in own),
        _mean(_last(records[run.name], "tokens") for run in own),
        _mean(took[run.name].cores / 60 for run in own if run.name in took),
    )


def _judged(
    each: Expectation, arms: Mapping[str, Arm], seeds: Sequence[int], level: float
) -> Judged:
    found: dict[int, float] = {}
    lacking = ""
    for seed in seeds:

        def value(arm: str, number: str, seed: int = seed) -> float:
            if arm not in arms:
                raise _Lacking(f"{arm} was left out")
            known = arms[arm].numbers[number or MAIN].seeds.get(seed)
            if known is None:
                raise _Lacking(f"{arm} with seed {seed} has no {number or 'number'}")
            return known

        try:
            found[seed] = each.difference(value)
        except _Lacking as fault:
            lacking = lacking or str(fault)

    # what lacks is no accident of a seed: the rest would be a choice of those that went well
    over = spread(list(found.values()), level)
    if lacking or over is None:
        return Judged(each.text, found, over, "undecided", lacking or "nothing was run")
    if len(found) == 1:
        return Judged(each.text, found, over, "undecided", "one seed gives no interval")
    return Judged(each.text, found, over, each.state(over.low, over.high))


class _Lacking(Exception):
    """An arm has no such number at a seed."""


def _verdict(states: Sequence[State]) -> Verdict:
    if not states:
        return "open"
    if "refuted" in states:
        return "refuted"
    return "confirmed" if set(states) == {"confirmed"} else "undecided"


def _warnings(
    design: Design,
    arms: Mapping[str, Arm],
    ran: Sequence[Run],
    read: Mapping[str, Mapping[str, float | None]],
) -> list[str]:
    found = [
        f"{name} of {run.name} is {value}, and counts as missing"
        for run in ran
        for name, value in read[run.name].items()
        if value is not None and not math.isfinite(value)
    ]
    missing = [
        f"{arm}-{seed}"
        for arm in design.arms
        for seed in design.seeds
        if not any(run.arm == arm and run.seed == seed for run in ran)
    ]
    if missing:
        found.append(f"not run to the end: {', '.join(missing)}")
    if len(design.seeds) == 1:
        found.append("one seed was run, so there is no interval")

    values = [x for arm in arms.values() for x in arm.numbers[MAIN].seeds.values() if x is not None]
    if len(arms) > 1 and len(values) > 1:
        least, most = min(values), max(values)
        if most - least <= ALIKE * max(1.0, abs(most)):
            what = design.numbers[MAIN].told
            found.append(
                f"{what} is {most:.3f} in every run of every arm: where nothing can rise or fall, arms "
                "cannot be told apart"
            )

    tokens = [arm.tokens for arm in arms.values() if arm.tokens]
    if tokens and max(tokens) > (1 + APART) * min(tokens):
        found.append(
            f"arms sampled from {min(tokens):,.0f} to {max(tokens):,.0f} tokens, which is not the same"
        )
    return found


def _last(records: Sequence[Metrics], name: str) -> float:
    values = [value for record in records if isinstance(value := record.get(name), (int, float))]
    return float(values[-1]) if values else 0.0


def _mean(values: Any) -> float:
    listed = list(values)
    return fmean(listed) if listed else 0.0


def _plain(value: Any) -> Any:
    """Keys as text, six digits, None for what is infinite."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
