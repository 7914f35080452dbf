"""One page for an experiment: the verdict, what was expected, every arm's numbers, and curves with bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .cells import Plot
from .charts import curve
from .page import Chart
from .render import charted, rendered

WIDE, NARROW = (1040.0, 360.0), (372.0, 280.0)


@dataclass(frozen=True, slots=True)
class Expected:
    """A row of what was expected: the comparison, the difference, its interval, what that says."""

    text: str
    difference: str
    interval: str
    state: str


@dataclass(frozen=True, slots=True)
class ExperimentPage:
    """All that the page shows, as text. `columns` head the numbers of `rows`, an arm each, its name first."""

    title: str
    verdict: str
    claim: str
    facts: tuple[tuple[str, str], ...]
    expected: tuple[Expected, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    note: str = ""
    caption: str = ""
    command: str = ""


def experiment_html(page: ExperimentPage, charts: Sequence[Chart]) -> str:
    """The page as one file that loads nothing."""
    plots = [
        Plot(curve(chart, *WIDE, "wide-only"), curve(chart, *NARROW, "narrow"), index, chart.title)
        for index, chart in enumerate(charts)
    ]
    numbers = {"title": page.title, "charts": [charted(chart) for chart in charts]}
    return rendered("experiment.html", page=page, plots=plots, numbers=numbers)
