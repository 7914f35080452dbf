"""Who takes part: names, order and cells of a page's entrants, and how their scores are written."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from ..results import Cell, Estimate, middle
from . import graphs
from .page import Page
from .text import number, signed

LOPSIDED = 0.05
"""The share of an interval by which its two halves may differ and still be written as ±."""


class Field:
    """Looks a page's entrants up. `ids` are those of the leaderboard, best first; `place` their index.

    `cells` holds both directions of a pair where both are known; `stacked` the condensation of the
    response graph, layer by layer.
    """

    def __init__(self, page: Page) -> None:
        known = {entrant.id: entrant for entrant in page.entrants}
        self.page = page
        self.standings = page.board.standings if page.board else ()
        self.ids = [standing.entrant for standing in self.standings]

        # a rated entrant without a name goes by its id
        self.names = {
            **{id: e.name for id, e in known.items()},
            **{i: i for i in self.ids if i not in known},
        }
        self.about = {id: entrant.about for id, entrant in known.items()}
        self.steps = {id: entrant.step for id, entrant in known.items()}

        self.place = {id: i for i, id in enumerate(self.ids)}
        self.roles = tuple(
            dict.fromkeys(role for standing in self.standings for role in standing.roles)
        )

        # tables have rows for the rated alone
        self.cells = {(c.a, c.b): c for c in both_ways(page.cells) if {c.a, c.b} <= {*self.ids}}

        # worked out once: tables, graphs and notices read them here
        self.graph = graphs.responses(page.cells, self.ids)
        self.degree: dict[str, int] = dict(self.graph.degree)
        self.stacked = graphs.layers(self.graph, self.ids) if self.ids else []
        self.cycles = graphs.cycles(self.stacked)

        self.middle = middle(page.scored)
        # colours fill the range of this page; 1.0 keeps equals from dividing by 0
        self.widest = (
            max((abs(c.score.value - self.middle) for c in self.cells.values()), default=0.0) or 1.0
        )

        # a tenth of an Elo point is far below every error
        self.digits = 0 if page.board and page.board.unit == "Elo" else 3

    def key(self, a: str, b: str) -> tuple[str, str]:
        """The pair, whichever way round it came."""
        return (a, b) if self.place[a] < self.place[b] else (b, a)

    def link(self, a: str, b: str) -> str:
        """The id of the dialog of a pair."""
        first, second = self.key(a, b)
        return f"cell-{self.place[first]}-{self.place[second]}"

    def cyclic(self, a: str, b: str) -> bool:
        return any(a in members and b in members for members in self.cycles)

    def points(self, value: float) -> str:
        """A score as text: a share of points in per cent, or a payoff."""
        return f"{number(100 * value, 1)} %" if self.page.scored == "win" else signed(value)

    def margin(self, score: Estimate) -> str:
        """The interval of a score as text, in the unit of `points`."""
        if self.page.scored != "win":
            return margin(score, 3)

        # every number of a share in per cent
        ends = (100 * score.value, 100 * score.se, 100 * score.low, 100 * score.high)
        return margin(Estimate(*ends), 1, sign=False)

    def level(self, cell: Cell) -> str:
        """The colour class of a score: n5 … n1, z, p1 … p5."""
        level = round(5 * (cell.score.value - self.middle) / self.widest)
        return "z" if level == 0 else f"{'p' if level > 0 else 'n'}{abs(level)}"


def both_ways(cells: Sequence[Cell]) -> list[Cell]:
    """The cells, and for those whose other direction is missing, that direction."""
    there = {(cell.a, cell.b) for cell in cells}
    return [*cells, *(cell.turned for cell in cells if (cell.b, cell.a) not in there)]


def margin(estimate: Estimate, digits: int, sign: bool = True) -> str:
    """The interval as text, to stand after the value: "± 12", or its ends where it is not symmetrical.

    "–" is for what is fixed by definition, as an anchor's rating.
    """
    low, high = estimate.low, estimate.high
    told = signed if sign else number
    if low == high:
        return "–"
    # the games bound it to one side only, or not at all
    if isinf(low) or isinf(high):
        if isinf(low) and isinf(high):
            return "no interval"
        return f"at least {told(low, digits)}" if isinf(high) else f"at most {told(high, digits)}"

    # ± would claim a symmetry that the interval lacks
    below, above = estimate.value - low, high - estimate.value
    if abs(above - below) > LOPSIDED * (above + below):
        return f"[{told(low, digits)}, {told(high, digits)}]"
    return f"± {number((high - low) / 2, digits)}"
