"""Whether one number a player describes the games: the joint fit against the cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ..results import Cell, ScoreKind
from .arrays import Played
from .crosstable import advantage, encounters
from .fit import Fit
from .hodge import hodge


def misfit(played: Played, kind: ScoreKind, fitted: Fit) -> float | None:
    """P-value of the joint model against the cells' mean scores, clustered on pairs; None if untestable.

    Σ z² over cells with at least 8 pairs, each scaled to mean 1 for its estimated variance, against χ²
    with as many degrees as cells beyond a spanning ranking.
    """
    met = encounters(played, kind, fitted.utility)
    _, cell = np.unique(met.low * len(played.names) + met.high, return_inverse=True)
    count = np.bincount(cell)

    rest = met.score - met.expected
    average = np.bincount(cell, rest) / count
    spread = np.bincount(cell, (rest - average[cell]) ** 2) / np.maximum(count - 1, 1)

    # with fewer pairs a variance is too uncertain to divide by
    usable = (count >= 8) & (spread > 1e-12)

    freedom = int(usable.sum()) - (len(played.names) - 1)
    if freedom < 1:
        return None

    z2 = average[usable] ** 2 * count[usable] / spread[usable]
    fair = (count[usable] - 3) / (count[usable] - 1)
    return float(stats.chi2.sf(float((z2 * fair).sum()), freedom))


def cyclic_share(cells: Sequence[Cell], names: Sequence[str], kind: ScoreKind) -> float | None:
    """The share of squared advantages that no ranking explains; None under three entrants."""
    if len(names) < 3 or not cells:
        return None
    table = advantage(cells, names, kind)
    return hodge(np.nan_to_num(table), ~np.isnan(table)).cyclic
