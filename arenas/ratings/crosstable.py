"""How each entrant did against each other, cell by cell, with intervals clustered on pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..results import Cell, Pair, ScoreKind, middle
from .arrays import Floats, Ints, Played, gather
from .means import error, mean, points, quantile
from .resolved import chance

# 5 % for a page over the 2 % that its cells, or its ranks, may use of them
SHARES = 2.5


@dataclass(frozen=True)
class Encounters:
    """Two entrants over one block, E of them in issue order: `low` < `high` index the entrants.

    `score` is the low one's: the mean over legs of win 1, draw ½, loss 0, or of half the difference of
    the payoffs (what it wins in a zero-sum game for two). `expected` is a model's, where one was given.
    """

    low: Ints
    high: Ints
    score: Floats
    expected: Floats


def encounters(played: Played, kind: ScoreKind, utility: Floats | None = None) -> Encounters:
    """All meetings of two entrants; `utility` (N, K) of a fit gives what it expected of them."""
    games: list[tuple[NDArray[Any], ...]] = []
    for a in range(played.places):
        for b in range(a + 1, played.places):
            i, j = played.entrant[:, a], played.entrant[:, b]
            score = _score(played.score[:, a] - played.score[:, b], kind)
            gap = np.zeros(len(i)) if utility is None else utility[:, a] - utility[:, b]
            expected = _expected(gap, kind, played.places)

            # a cell is told from its lower index: scores of the other side are turned
            flip, middle = i > j, 1.0 if kind == "win" else 0.0
            games.append(
                (
                    played.block,
                    np.minimum(i, j),
                    np.maximum(i, j),
                    np.where(flip, middle - score, score),
                    np.where(flip, middle - expected, expected),
                )
            )

    # legs of one block are one observation: their mean
    block, low, high = (np.concatenate([game[n] for game in games]) for n in (0, 1, 2))
    score, expected = (np.concatenate([game[n] for game in games]) for n in (3, 4))

    count = len(played.names)

    # the block is the leading digit, so sorted codes stand in order of issue
    code, group = np.unique((block * count + low) * count + high, return_inverse=True)

    often = np.bincount(group)
    return Encounters(
        code // count % count,
        code % count,
        np.bincount(group, score) / often,
        np.bincount(group, expected) / often,
    )


def crosstable(
    pairs: Sequence[Pair],
    kind: ScoreKind,
    *,
    level: float = 0.95,
    names: Sequence[str] | None = None,
    family: int | None = None,
) -> tuple[Cell, ...]:
    """One cell for every two entrants that met, each with an interval and its leader (None: undecided).

    Intervals hold cell by cell. A leader is named only where its lead survives Bonferroni's correction
    for a `family` of so many questions, by default all cells: of a whole table of equals, at most 1 − `level`
    name any.
    """
    return table(gather(pairs, kind, names), kind, level=level, family=family) if pairs else ()


def table(
    played: Played, kind: ScoreKind, *, level: float = 0.95, family: int | None = None
) -> tuple[Cell, ...]:
    """`crosstable` of games that are arrays already."""
    # without a fit: cells show what was scored, not what a model makes of it
    met = encounters(played, kind)

    bounds = reach(met, kind)

    code = met.low * len(played.names) + met.high
    order = np.argsort(code, kind="stable")

    # a stable sort keeps each cell's pairs in order of issue
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))

    # all questions share the error allowed: a page errs no more than one cell alone
    asked = (1 - level) / (family or questions(len(starts)))
    level_score = middle(kind)
    cells: list[Cell] = []
    for group in np.split(order, starts[1:]):
        a, b = played.names[met.low[group[0]]], played.names[met.high[group[0]]]
        scores = met.score[group]
        estimate = points(scores, level) if kind == "win" else mean(scores, bounds, level)

        lead = None
        # both must agree: t where noise is normal, the divergence where it is not
        if abs(estimate.value - level_score) > quantile(1 - asked / 2, len(group)) * error(scores):
            ahead = a if estimate.value > level_score else b
            lead = ahead if chance(scores, level_score, bounds) <= asked else None

        # only a pair of two legs scores 0, ¼, ½, ¾ or 1
        counts = _counts(scores) if kind == "win" and played.places == 2 else ()
        flat = float(np.ptp(scores)) <= 1e-12
        cells.append(Cell(a, b, estimate, len(group), counts, lead, kind, flat))
    return tuple(cells)


def questions(asked: int) -> float:
    """By how much to divide the error of a page that asks so many questions of cells, or of ranks.

    A page errs in 5 % of cases in all: its cells in 2 %, its ranks in 2 %, and the test of the model in 1 %.
    Of two entrants cells and ranks ask one and the same question, and the model cannot be tested.
    """
    return asked * SHARES if asked > 1 else 1.0


def reach(met: Encounters, kind: ScoreKind) -> tuple[float, float]:
    """The bounds of a pair's score: those of points, or the largest that any pair of the table scored."""
    most = float(np.abs(met.score).max())
    return (0.0, 1.0) if kind == "win" else (-most, most)


def matrix(cells: Sequence[Cell], names: Sequence[str], kind: ScoreKind) -> Floats:
    """(n, n) row entrant's mean score against the column's; NaN where two never met, the middle on the
    diagonal.
    """
    at = {name: n for n, name in enumerate(names)}
    table = np.full((len(names), len(names)), np.nan)
    middle = 1.0 if kind == "win" else 0.0
    np.fill_diagonal(table, middle / 2)
    for cell in cells:
        table[at[cell.a], at[cell.b]] = cell.score.value
        table[at[cell.b], at[cell.a]] = middle - cell.score.value
    return table


def advantage(cells: Sequence[Cell], names: Sequence[str], kind: ScoreKind) -> Floats:
    """(n, n) antisymmetric advantages: payoffs, or logits of scores shrunk by half a pair each way."""
    table = matrix(cells, names, kind)
    if kind == "payoff":
        return table

    # the shrinking below needs the number of pairs, which the matrix does not hold
    pairs = np.ones(table.shape)
    at = {name: n for n, name in enumerate(names)}
    for cell in cells:
        pairs[at[cell.a], at[cell.b]] = pairs[at[cell.b], at[cell.a]] = cell.pairs

    # a clean sweep would be an infinite logit
    shrunk = (table * pairs + 0.5) / (pairs + 1)
    return np.log(shrunk / (1 - shrunk))


def _score(margin: Floats, kind: ScoreKind) -> Floats:
    return (np.sign(margin) + 1) / 2 if kind == "win" else margin / 2


def _expected(gap: Floats, kind: ScoreKind, places: int) -> Floats:
    # payoffs differ by K/(K − 1)·gap in expectation, and a score is half a difference
    return 1 / (1 + np.exp(-gap)) if kind == "win" else gap * places / (2 * (places - 1))


def _counts(scores: Floats) -> tuple[int, ...]:
    """Pentanomial counts [LL, LD, =, WD, WW], of pairs in which the low entrant scored 0, ¼, ½, ¾, 1."""
    return tuple(np.bincount(np.rint(scores * 4).astype(int), minlength=5).tolist())
