"""How each entrant did against each other, cell by cell, with intervals clustered on pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..results import Cell, Estimate, Pair, ScoreKind
from .arrays import Floats, Ints, Played, gather


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
) -> tuple[Cell, ...]:
    """One cell for every two entrants that met, each with an interval and who leads (None: undecided)."""
    if not pairs:
        return ()
    played = gather(pairs, kind, names)
    met = encounters(played, kind)

    most = float(np.abs(met.score).max())
    bounds = (0.0, 1.0) if kind == "win" else (-most, most)

    code = met.low * len(played.names) + met.high
    order = np.argsort(code, kind="stable")

    # a stable sort keeps each cell's pairs in order of issue
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))

    cells: list[Cell] = []
    for group in np.split(order, starts[1:]):
        a, b = played.names[met.low[group[0]]], played.names[met.high[group[0]]]

        estimate = mean(met.score[group], bounds, level)
        middle = 0.5 if kind == "win" else 0.0
        lead = a if estimate.low > middle else b if estimate.high < middle else None
        counts = _counts(met.score[group]) if kind == "win" and played.places == 2 else ()
        cells.append(Cell(a, b, estimate, len(group), counts, lead, kind))
    return tuple(cells)


def mean(scores: Floats, bounds: tuple[float, float], level: float = 0.95) -> Estimate:
    """The mean of independent scores with Student's interval.

    Where all are equal the spread is unknown, not zero: the interval then allows for the values that n
    equal ones cannot exclude, with chance up to 1 − (tail)^(1/n), anywhere within `bounds`.
    """
    count, middle, tail = len(scores), float(scores.mean()), (1 - level) / 2
    low, high = bounds
    if count > 1 and float(np.ptp(scores)) > 1e-12:
        se = float(scores.std(ddof=1)) / count**0.5
        reach = float(stats.t.ppf(1 - tail, count - 1)) * se
        return Estimate(middle, se, middle - reach, middle + reach)

    unseen = 1 - tail ** (1 / count)
    least, most = middle - unseen * (middle - low), middle + unseen * (high - middle)
    return Estimate(middle, (most - least) / (2 * float(stats.norm.ppf(1 - tail))), least, most)


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
    return 1 / (1 + np.exp(-gap)) if kind == "win" else gap * places / (2 * (places - 1))


def _counts(scores: Floats) -> tuple[int, ...]:
    """Pentanomial counts [LL, LD, =, WD, WW], of pairs in which the low entrant scored 0, ¼, ½, ¾, 1."""
    return tuple(np.bincount(np.rint(scores * 4).astype(int), minlength=5).tolist())
