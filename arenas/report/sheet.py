"""A page of tables and curves: what an experiment, a league or a run's exams have to show."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from .cells import Plot
from .charts import curve
from .page import Chart
from .render import charted, rendered

WIDE, NARROW = (1040.0, 360.0), (372.0, 300.0)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text; the first cell of a row names it. `words` are the other columns without numbers."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    words: tuple[int, ...] = ()

    def class_(self, column: int) -> Markup:
        """The attribute of a cell in this column."""
        return Markup("") if not column or column in self.words else Markup(' class="num"')


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the page shows. `links` go to other pages in its folder, as (file, name)."""

    kind: str
    title: str
    heading: str
    lead: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    curves: str = ""
    notes: tuple[str, ...] = ()
    note: str = ""
    links: tuple[tuple[str, str], ...] = ()
    command: str = ""


def sheet_html(page: Sheet) -> str:
    """The page as one file that loads nothing."""
    plots = [
        Plot(
            curve(chart, *WIDE, "wide-only"),
            curve(chart, *NARROW, "narrow", above=True),
            index,
            chart.title,
        )
        for index, chart in enumerate(page.charts)
    ]
    numbers = {
        "title": page.title,
        "charts": [charted(chart) for chart in page.charts],
        "tables": [
            {"title": table.title, "columns": table.columns, "rows": table.rows}
            for table in page.tables
        ],
    }
    return rendered("sheet.html", page=page, plots=plots, numbers=numbers)
