"""The page of a run's exams, or of one that somebody held: marks, intervals, and what was gained."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ..marks import SOLVED, Marks, comparisons, read
from ..results import Estimate
from .page import Chart, Series
from .sheet import Sheet, Table
from .text import line, number
from .text import signed as with_sign

FILE: Final = "exams.html"
KEPT: Final = "exams.jsonl"
"""What a training run writes: a line an exam, with `step` and `exam`."""
CAPTION: Final = (
    "Shares of tasks, with 95 % intervals over tasks that hold for each number by itself; ◆: computed over "
    "all tasks from probabilities, so there is nothing to estimate. Gains are paired, task by task, and "
    "their intervals hold for all rows of the table together (Bonferroni)."
)


def kept_exams(folder: Path) -> dict[str, list[tuple[int, Marks]]]:
    """The exams of a run by name, as (step, marks) in order; a last line that was cut is left out."""
    path = folder / KEPT
    found: dict[str, list[tuple[int, Marks]]] = {}
    for written in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            data = json.loads(written)
            found.setdefault(data["exam"], []).append((data["step"], read(data)))
        # a run that was killed may leave its last line cut
        except (ValueError, KeyError):
            break
    return found


def run_sheet(folder: Path, title: str) -> Sheet | None:
    """The page of a run's exams; None where it held none."""
    exams = kept_exams(folder)
    if not exams:
        return None
    tables = [
        exam_table(f"exam-{n}", name, [marks for _, marks in sat], "Step")
        for n, (name, sat) in enumerate(exams.items())
    ]
    return Sheet(
        kind="Sparring exams",
        title=title,
        heading=f"{title}: exams",
        lead="The learner on tasks that it is never trained on: the same each time, marked task by task.",
        facts=(("Exams", ", ".join(exams)),),
        tables=tuple(tables),
        charts=tuple(chart for name, sat in exams.items() if (chart := _chart(name, sat))),
        curves="The share solved at the first attempt; bands are 95 % intervals, each for its step alone.",
    )


def held_sheet(sat: Mapping[str, Sequence[Marks]], command: str) -> Sheet:
    """The page of exams that were just held, by game: all entrants beside each other."""
    who = list(dict.fromkeys(marks.who for each in sat.values() for marks in each))
    return Sheet(
        kind="Sparring exam",
        title=", ".join(sat),
        heading=f"What {', '.join(who[:3])}{' and others' * (len(who) > 3)} can do",
        facts=(("Entrants", str(len(who))),),
        tables=tuple(
            exam_table(f"exam-{n}", game, each, "Entrant")
            for n, (game, each) in enumerate(sat.items())
        ),
        command=command,
    )


def exam_table(id: str, title: str, sat: Sequence[Marks], first: str) -> Table:
    """An exam a row: every mark, and what it gained on the first."""
    found = [marks.marks() for marks in sat]
    names = list(dict.fromkeys(name for marks in found for name in marks))
    gains: list[Estimate | None] = [None, *comparisons(sat)] if len(sat) > 1 else [None]
    rows = tuple(
        (
            line(marks.who.removeprefix("step ") if first == "Step" else marks.who, 40),
            f"{len(marks.items):,}",
            *(shown(each[name]) if name in each else "–" for name in names),
            shown(gain, signed=True) if gain else "–",
        )
        for marks, each, gain in zip(sat, found, gains, strict=True)
    )
    heads = (first, "Tasks", *names, f"{SOLVED} above the first")
    return Table(id, title, heads, rows, CAPTION)


def shown(mark: Estimate, *, signed: bool = False) -> str:
    """A mark with its interval; ◆ where it is exact."""
    say = with_sign if signed else number
    if not mark.se:
        return f"{say(mark.value)} ◆"
    return f"{say(mark.value)} [{say(mark.low)}, {say(mark.high)}]"


def _chart(name: str, sat: Iterable[tuple[int, Marks]]) -> Chart | None:
    marks = [(float(step), each.mark(SOLVED)) for step, each in sat]
    if len(marks) < 2:
        return None
    top = [(step, mark.high) for step, mark in marks]
    low = [(step, mark.low) for step, mark in marks]
    # what is exact has no range
    band = (*top, *reversed(low)) if any(mark.se for _, mark in marks) else ()
    points = tuple((step, mark.value) for step, mark in marks)
    return Chart(name, "steps", (Series(SOLVED, points, band),), low=0.0, high=1.0)
