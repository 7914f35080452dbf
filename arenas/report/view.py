"""From a page's values to what its template shows: every section drawn and worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..results import Estimate
from . import charts, graphs, tables
from .cells import Decided, Plot, Proof, View
from .entrants import Field, margin
from .from_run import AVERAGE, BOUNDS
from .notices import notices
from .page import Chart, Gate, Page, Progress, Series
from .replays import BUDGET
from .text import compact, line, number, shorten, signed

LONGEST_TRANSCRIPT = 40_000
WIDE, COLUMN, NARROW = 1040.0, 500.0, 372.0
"""Widths in pixels of a picture over the whole page, in one of two columns, and on a phone."""


def view(page: Page, budget: int = BUDGET) -> View:
    """Everything the template needs. `budget` bounds the replays, in bytes."""
    field, pictures = Field(page), _Pictures()

    # first, since squares say how many games there are to read
    games, left_out = tables.stories(field, budget)
    listed = tables.rows(field, games)
    return View(
        headline=headline(page.progress) or _leader(field),
        explained=explained(page),
        notices=notices(field),
        progress=pictures.proof(page.progress) if page.progress else None,
        board=tables.board(field, listed),
        matrix=tables.matrix(field, listed),
        metagame=tables.choices(field, listed),
        roles=_roles(field),
        tokens=_tokens(field),
        lineage=_lineage(field),
        ages=_ages(field),
        gates=tuple(pictures.gate(gate) for gate in page.gates),
        training=tuple(
            pictures.plot(chart, (340, 190), None, above=True) for chart in page.training
        ),
        dialogs=tables.dialogs(field, games),
        transcripts=tuple(
            (name, shorten(text, LONGEST_TRANSCRIPT)) for name, text in page.transcripts
        ),
        left_out=left_out,
        charts=tuple(pictures.charts),
    )


def headline(progress: Progress | None) -> str:
    """The learning curve in one sentence."""
    if progress is None or not progress.nashconv.series or not progress.nashconv.series[0].points:
        return ""
    chart = progress.nashconv
    points = chart.series[0].points
    first, last = points[0], points[-1]

    verb = "fell" if last[1] < first[1] else "rose"
    against = (
        f"; uniformly random play has {number(progress.random)}, equilibrium 0"
        if progress.random
        else ""
    )

    named = {series.name: series.points for series in chart.series}
    average = named.get(AVERAGE, ())
    beside = f" (weight average {number(average[-1][1])})" if average else ""
    if progress.estimated:
        low, high = (number(named[name][-1][1]) for name in BOUNDS.values())
        beside = f" (95 %: {low} to {high}){beside}"
    what = "NashConv, by drawn thoughts," if progress.estimated else "Exact NashConv"
    return (
        f"{what} of the model’s own policy {verb} from {number(first[1])} to {number(last[1])}"
        f"{beside} over {compact(last[0] - first[0])} {chart.x_name}{against}."
    )


def proved(progress: Progress) -> bool:
    """Whether the curve shows that the last policy can be exploited less than the first one."""
    named = {series.name: series.points for series in progress.nashconv.series}
    points = progress.nashconv.series[0].points if progress.nashconv.series else ()
    if len(points) < 2:
        return False
    if not progress.estimated:
        return points[-1][1] < points[0][1]
    # of a bound from drawn thoughts, only intervals that do not overlap prove anything
    low, high = (named[name] for name in BOUNDS.values())
    return high[-1][1] < low[0][1]


def explained(page: Page) -> str:
    """What the game is, and what NashConv measures in it, for a reader who knows neither."""
    told = [f"{page.game}: {page.about}"] if page.about else []
    if page.progress:
        told.append(
            "NashConv is what players who know the model’s policy could win against it, all seats added up, "
            "a game; where it is 0 nobody can win anything: an equilibrium."
        )
    return " ".join(told)


def _leader(field: Field) -> str:
    """Who leads, in one sentence; empty without ratings."""
    if not field.standings or not field.page.board:
        return ""
    first, unit = field.standings[0], field.page.board.unit
    rating = f"{signed(first.rating.value, field.digits)} {margin(first.rating, field.digits)}"
    best, worst = first.ranks
    doubt = "" if worst == 1 else f"; the games leave its rank open between {best} and {worst}"
    name = line(field.names[first.entrant], 60)
    return f"{name} stands first among {len(field.standings)} entrants, at {rating} {unit}{doubt}."


class _Pictures:
    """Draws curves and remembers whose numbers the page must carry."""

    def __init__(self) -> None:
        self.charts: list[Chart] = []

    def plot(
        self,
        chart: Chart,
        wide: tuple[float, float],
        narrow: tuple[float, float] | None,
        right: float = 0.0,
        above: bool = False,
    ) -> Plot:
        # its place in the list is how the page's script finds its numbers
        self.charts.append(chart)

        return Plot(
            charts.curve(chart, *wide, "wide-only" if narrow else "", right, above),
            # a phone has no room for names beside its pictures
            charts.curve(chart, *narrow, "narrow", above=True) if narrow else None,
            len(self.charts) - 1,
            chart.title,
        )

    def proof(self, progress: Progress) -> Proof:
        legal, versus = progress.legal, progress.versus
        # one margin for the charts above one another, so that they share an x axis
        room = max(charts.label_room(c) for c in (progress.nashconv, legal, versus) if c)
        logarithmic = _logarithmic(progress.nashconv)
        return Proof(
            nashconv=self.plot(progress.nashconv, (WIDE, 380), (NARROW, 300), room),
            logarithmic=self.plot(logarithmic, (WIDE, 380), (NARROW, 300), room)
            if logarithmic
            else None,
            legal=self.plot(legal, (WIDE, 140), (NARROW, 170), room) if legal else None,
            versus=self.plot(versus, (WIDE, 140), (NARROW, 170), room) if versus else None,
            heading="Proof of progress" if proved(progress) else "Exploitability over training",
            average=any(series.name == AVERAGE for series in progress.nashconv.series),
            estimated=progress.estimated,
        )

    def gate(self, gate: Gate) -> Decided:
        # before the first pair nothing speaks for either side
        points = ((0.0, 0.0), *((float(i), llr) for i, llr in enumerate(gate.llr, 1)))
        bounds = (("accept H₁", gate.upper), ("accept H₀", gate.lower))
        named = replace(gate, candidate=line(gate.candidate, 60), baseline=line(gate.baseline, 60))
        title = f"{named.candidate} against {named.baseline}"
        chart = Chart(title, "pairs", (Series("LLR", points),), bounds, digits=2)
        plot = self.plot(chart, (WIDE, 210), (NARROW, 200))
        return Decided(named, plot, number(points[-1][1], 2), f"{gate.s0:g}", f"{gate.s1:g}")


def _logarithmic(chart: Chart) -> Chart | None:
    """The chart on a logarithmic scale, without what is not above 0; None where nothing is left to see."""
    series = [replace(s, points=tuple(p for p in s.points if p[1] > 0)) for s in chart.series]
    # one point alone is no curve
    kept = tuple(s for s in series if len(s.points) > 1)
    above = tuple((name, value) for name, value in chart.references if value > 0)
    return (
        replace(chart, series=kept, references=above, low=None, high=None, log=True)
        if kept
        else None
    )


def _roles(field: Field) -> Plot | None:
    if len(field.roles) < 2 or not field.page.board:
        return None
    rows = [(field.names[s.entrant], dict(s.roles)) for s in field.standings]
    unit = field.page.board.unit
    return Plot(
        charts.roles(rows, unit, COLUMN, "wide-only"), charts.roles(rows, unit, NARROW, "narrow")
    )


def _tokens(field: Field) -> Plot | None:
    # scripted players use no tokens, and one dot shows no relation
    spent = [s for s in field.standings if s.tokens and s.games]
    if len(spent) < 2:
        return None
    dots = [(str(s.rank), s.tokens / s.games, s.rating) for s in spent]
    caption = (
        "Tokens read and written per game, all of an entrant’s seats together; numbers are ranks. "
        "Strength that only grows with length shows as a rising line."
    )
    return _scatter(field, dots, "tokens per game", "Rating and tokens", caption)


def _ages(field: Field) -> Plot | None:
    saved = [(s, step) for s in field.standings if (step := field.steps.get(s.entrant)) is not None]
    if len(saved) < 2:
        return None
    dots = [(str(s.rank), step, s.rating) for s, step in saved]
    caption = "Checkpoints of the run by the step at which they were saved; numbers are ranks."
    return _scatter(field, dots, "training step", "Rating over training", caption)


def _scatter(
    field: Field, dots: Sequence[tuple[str, float, Estimate]], x_name: str, title: str, caption: str
) -> Plot:
    unit = field.page.board.unit if field.page.board else ""
    wide, narrow = (
        charts.scatter(dots, x_name, f"rating ({unit})", width, 290, class_)
        for width, class_ in ((COLUMN, "wide-only"), (NARROW, "narrow"))
    )
    return Plot(wide, narrow, title=title, caption=caption)


def _lineage(field: Field) -> Plot | None:
    if not field.page.lineage:
        return None
    ratings = {s.entrant: s.rating for s in field.standings}
    wide, narrow = (
        graphs.lineage(field.page.lineage, field.names, ratings, width, class_)
        for width, class_ in ((COLUMN, "wide-only"), (NARROW, "narrow"))
    )
    return Plot(wide, narrow)
