"""A result in words: the rows of its tables, its page and its curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

from ...arenas.report.page import Chart, Series
from ...arenas.report.sheet import Sheet, Table, sheet_html
from ...arenas.report.text import compact, number, signed
from ..watch.records import Metrics
from .design import Design
from .expectations import State
from .numbers import ALARM, MAIN
from .outcome import Judged, Measured, Result, Spread
from .runs import Run

VERDICTS = {
    "confirmed": "Confirmed",
    "refuted": "Refuted",
    "undecided": "Undecided at this scale",
    "open": "Measured; nothing was expected",
}
MARK = "◆"
CAPTION = (
    "Means over seeds with 95 % intervals (Student’s, n − 1 degrees). "
    f"{MARK} marks numbers that are computed exactly, over all tasks or the whole tree, and not sampled."
)

EXPECTED = (
    "Differences paired by seed, with Student’s intervals over seeds (n − 1 degrees) that hold at 95 % for "
    "all rows together (Bonferroni)."
)


@dataclass(frozen=True, slots=True)
class Expected:
    """A row of what was expected: the comparison, the difference, its interval, what that says."""

    text: str
    difference: str
    interval: str
    state: str


def verdict(result: Result) -> str:
    """The verdict and what it rests on, in a line."""
    seeds = f"{len(result.seeds)} seed{'s' if len(result.seeds) > 1 else ''}"
    states = [each.state for each in result.expect]
    counts = [f"{states.count(state)} {state}" for state in get_args(State) if state in states]
    expected = f"; expectations: {', '.join(counts)}" if counts else ""
    return f"{VERDICTS[result.verdict]} ({seeds}{expected})"


def columns(result: Result) -> list[str]:
    """The heads of the table of arms."""
    names = [name for name in result.told if name != MAIN]
    heads = [result.told[MAIN], *names]
    marks = [f" {MARK}" if name in result.exact else "" for name in (MAIN, *names)]
    return [
        *(head + mark for head, mark in zip(heads, marks, strict=True)),
        "steps",
        "tokens",
        "minutes",
    ]


def where(told: Mapping[str, str]) -> str:
    """What the named numbers of a table are, in a sentence; "" where each is called by what it is."""
    others = [f"{name}: {what}" for name, what in told.items() if name not in (MAIN, what)]
    return f"Where {'; '.join(others)}." if others else ""


def rows(result: Result) -> list[tuple[str, ...]]:
    """An arm a row: its name, its numbers, what a run of it took."""
    return [
        (
            name,
            *(_measured(arm.numbers[each]) for each in result.told),
            f"{arm.steps:,.0f}",
            compact(arm.tokens),
            f"{arm.minutes:.1f}",
        )
        for name, arm in result.arms.items()
    ]


def expected(each: Judged) -> Expected:
    """A row of what was expected."""
    state = each.state + (f": {each.why}" if each.why else "")
    if each.over is None:
        return Expected(each.text, "–", "–", state)
    return Expected(each.text, signed(each.over.mean, 3), interval(each.over, signed), state)


def interval(over: Spread, form: Callable[[float, int], str] = number) -> str:
    """[low, high]; – where one seed gives none."""
    if over.high == float("inf"):
        return "–"
    return f"[{form(over.low, 3)}, {form(over.high, 3)}]"


def page(result: Result, design: Design, ran: Sequence[Run]) -> str:
    """The experiment's page."""
    facts = [
        *([("Paper", result.paper)] if result.paper else []),
        ("Number", result.told[MAIN] + (f" {MARK}" if MAIN in result.exact else "")),
        ("Seeds", ", ".join(map(str, result.seeds))),
        ("Core minutes", f"{result.minutes:.1f}"),
    ]
    shown = Sheet(
        kind="Sparring experiment",
        title=result.name,
        heading=verdict(result),
        lead=result.claim,
        facts=tuple(facts),
        tables=tuple(_tables(result)),
        charts=tuple(charts(design, ran)),
        curves="Lines are means over seeds; bands reach from the least seed to the greatest.",
        notes=result.warnings,
        note=result.note,
        command=result.command,
    )
    return sheet_html(shown)


def _tables(result: Result) -> Iterator[Table]:
    """What was expected, and every arm."""
    judged = [expected(each) for each in result.expect]
    if judged:
        told = tuple((e.text, e.difference, e.interval, e.state) for e in judged)
        heads = ("Expectation", "Left − right", "Interval", "It is")
        yield Table("expected", "What was expected", heads, told, EXPECTED, words=(3,))
    caption = f"{CAPTION} {where(result.told)}".rstrip()
    yield Table("arms", "Arms", ("Arm", *columns(result)), tuple(rows(result)), caption)


def charts(design: Design, ran: Sequence[Run]) -> list[Chart]:
    """A chart for each metric that the design reads, a line an arm."""
    records = {run.name: run.folder.records() for run in ran}
    metrics = dict.fromkeys(
        metric
        for each in design.numbers.values()
        for metric in (each.of, each.when)
        if metric and metric != "step" and not metric.startswith(ALARM)
    )
    found: list[Chart] = []
    for metric in metrics:
        lines = [
            _line(arm, [records[run.name] for run in ran if run.arm == arm], metric)
            for arm in design.arms
        ]
        if lines := [line for line in lines if len(line.points) > 1]:
            found.append(Chart(metric, "steps", tuple(lines)))
    return found


def _line(arm: str, curves: Sequence[Sequence[Metrics]], metric: str) -> Series:
    """The mean over seeds at each step that all of them have, with the range as its band."""
    values = [
        {
            float(record["step"] or 0): float(value)
            for record in records
            if isinstance(value := record.get(metric), (int, float))
        }
        for records in curves
    ]
    common = set.intersection(*map(set, values)) if values else set[float]()
    steps = sorted(common)
    at = {step: [each[step] for each in values] for step in steps}
    top = [(step, max(at[step])) for step in steps]
    low = [(step, min(at[step])) for step in steps]
    # one seed has no range
    band = (*top, *reversed(low)) if len(values) > 1 else ()
    return Series(arm, tuple((step, fmean(at[step])) for step in steps), tuple(band))


def _measured(found: Measured) -> str:
    if found.over is None:
        return "never" if found.seeds else "–"
    lacking = sum(value is None for value in found.seeds.values())
    rest = f" (never in {lacking} of {len(found.seeds)})" if lacking else ""
    over = interval(found.over)
    return number(found.over.mean, 3) + (f" {over}" if over != "–" else "") + rest
