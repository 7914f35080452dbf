"""Hodge split of pairwise advantages: the part a ranking explains, and the cyclic rest.

Formulas: Jiang, Lim, Yao and Ye 2011 (least squares on the graph of who met).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats


@dataclass(frozen=True)
class Split:
    """`ranking` (n,) has mean 0 in each pool; `rest` (n, n) antisymmetric is what it leaves unexplained.

    `cyclic` is the rest's share of the squared advantages, 0 for a ranking and 1 for a pure cycle.
    """

    ranking: Floats
    rest: Floats
    cyclic: float


def hodge(advantage: Floats, met: NDArray[np.bool_] | None = None) -> Split:
    """Split antisymmetric advantages (n, n), in logits or payoff; `met` (n, n) marks the known ones.

    With all pairs known the ranking is the row means.
    """
    count = len(advantage)
    known = ~np.eye(count, dtype=bool) if met is None else met & ~np.eye(count, dtype=bool)
    flow = np.where(known, advantage, 0.0)

    laplacian = np.diag(known.sum(1).astype(float)) - known
    ranking = np.linalg.pinv(laplacian) @ flow.sum(1)
    rest = np.where(known, flow - (ranking[:, None] - ranking[None, :]), 0.0)
    total = float((flow**2).sum())
    return Split(ranking, rest, float((rest**2).sum()) / total if total > 0 else 0.0)
