"""Whether one number a player describes the games: the joint fit against the cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ..results import Cell, ScoreKind
from .arrays import Floats, Ints, Played
from .crosstable import advantage, encounters
from .fit import Fit
from .hodge import hodge

DOUBTFUL = 0.05
"""A p-value of χ² below this is checked by flipping signs."""
WORK = 20_000_000
"""How many residuals are flipped in all, about."""


def misfit(played: Played, kind: ScoreKind, fitted: Fit) -> float | None:
    """P-value of the joint model against the cells' mean scores, clustered on pairs; None if untestable.

    Σ z² over cells with at least 8 pairs, z a cell's t as a normal quantile, against χ² with as many degrees
    as cells beyond a spanning ranking. Where that is doubtful, against the same sum after the signs of
    pairs' residuals are flipped at random (the wild bootstrap), which knows of few pairs and heavy tails.
    """
    met = encounters(played, kind, fitted.utility)
    _, cell = np.unique(met.low * len(played.names) + met.high, return_inverse=True)

    # pairs of one cell side by side, as the sums over flipped signs need them
    order = np.argsort(cell, kind="stable")
    rest, cell = (met.score - met.expected)[order], cell[order]
    count = np.bincount(cell)

    average = np.bincount(cell, rest) / count
    squares = np.bincount(cell, rest**2).astype(np.float64)
    # with fewer pairs a variance is too uncertain to divide by
    usable = (count >= 8) & (squares / count - average**2 > 1e-12)
    # a ranking of n entrants takes up n − 1 degrees
    freedom = int(usable.sum()) - (len(played.names) - 1)
    if freedom < 1:
        return None

    found = float(_squared(average, squares, count, usable).sum())
    plain = float(stats.chi2.sf(found, freedom))
    if plain > DOUBTFUL:
        return plain

    first = np.flatnonzero(np.diff(cell, prepend=-1))
    ends = (met.low[order][first], met.high[order][first])
    flipped = _flipped(rest, first, count, ends, len(played.names))
    sums = np.array([_squared(one, squares, count, usable).sum() for one in flipped])
    if found > 2 * float(sums.max()):
        return plain  # beyond what so few flips can say

    # the larger of both, so that neither few pairs nor heavy tails alone raise an alarm;
    # the games count as one flip of their own, so p is never 0
    return max(plain, (1 + int((sums >= found).sum())) / (1 + len(sums)))


def _squared(average: Floats, squares: Floats, count: Ints, usable: NDArray[np.bool_]) -> Floats:
    """Each usable cell's t² as a χ² of one degree: equal chances beyond."""
    mean, often = average[usable], count[usable]
    variance = np.maximum(squares[usable] / often - mean**2, 1e-12) * often / (often - 1)
    beyond = special.stdtr(often - 1, -np.abs(mean) / np.sqrt(variance / often))
    # the quantile of a chance of 0 would be infinite
    return special.ndtri(np.maximum(beyond, 1e-300)) ** 2


def _flipped(
    rest: Floats, first: Ints, count: Ints, ends: tuple[Ints, Ints], names: int
) -> Iterator[Floats]:
    """Means of cells (C,) after random signs, each less what a ranking fitted to them takes up.

    `first` is where each cell's pairs begin, `ends` the two entrants of each cell.
    """
    contrast = np.zeros((len(count), names))
    contrast[np.arange(len(count)), ends[0]] = 1.0
    contrast[np.arange(len(count)), ends[1]] = -1.0
    weighted = contrast * count[:, None]
    # pseudo-inverse: moving all ratings together changes no cell
    inverse = np.linalg.pinv(contrast.T @ weighted)

    # a fixed generator: the same games always get the same p-value
    draw = np.random.default_rng(0)
    for _ in range(int(np.clip(WORK // len(rest), 199, 999))):
        signs = draw.integers(0, 2, len(rest), dtype=np.int8) * 2 - 1
        mean = np.add.reduceat(rest * signs, first) / count
        # the residuals found are those of a fit: flipped ones lose what it would take
        yield mean - contrast @ (inverse @ (weighted.T @ mean))


def cyclic_share(cells: Sequence[Cell], names: Sequence[str], kind: ScoreKind) -> float | None:
    """The share of squared advantages that neither a ranking nor noise explains.

    None under three entrants.
    """
    if len(names) < 3 or not cells:
        return None
    table = advantage(cells, names, kind)

    # noise alone looks cyclic: what the errors of the cells explain is taken off
    at = {name: n for n, name in enumerate(names)}
    noise = np.zeros(table.shape)
    for cell in cells:
        slope = 1.0
        if kind == "win":
            # the error of a logit is that of the share times the slope of the logit
            shrunk = (cell.score.value * cell.pairs + 0.5) / (cell.pairs + 1)
            slope = 1 / (shrunk * (1 - shrunk))
        i, j = at[cell.a], at[cell.b]
        noise[i, j] = noise[j, i] = (slope * cell.score.se) ** 2
    return hodge(np.nan_to_num(table), ~np.isnan(table), noise).cyclic
