"""Whether a schedule can decide, said before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from .ratings import ELO
from .results import Block


def resolves(
    blocks: Sequence[Block], *, gap: float = 50.0, spread: float = 1.0, level: float = 0.95
) -> float:
    """The mean chance, over all two entrants, that their interval resolves a gap of `gap` Elo.

    From the Fisher information of win games at even chances; `spread` is how many times wider than that
    clustered errors are expected to be (pairs of one seed are usually narrower: below 1).
    """
    names = sorted({name for block in blocks for name in block.entrants})
    if len(names) < 2:
        return 0.0
    at = {name: n for n, name in enumerate(names)}
    fisher = np.zeros((len(names), len(names)))
    for block in blocks:
        weight = len(block.seatings) / (4 * (len(block.entrants) - 1))
        for i, j in combinations([at[name] for name in block.entrants], 2):
            fisher[[i, j], [i, j]] += weight
            fisher[[i, j], [j, i]] -= weight
    spans = np.linalg.pinv(fisher)
    variance = np.add.outer(np.diag(spans), np.diag(spans)) - 2 * spans
    error = spread * np.sqrt(variance[np.triu_indices(len(names), 1)])
    reach = float(stats.norm.ppf((1 + level) / 2))
    return float(np.mean(stats.norm.sf(reach - gap / ELO / np.maximum(error, 1e-12))))
