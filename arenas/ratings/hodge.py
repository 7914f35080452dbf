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


def hodge(
    advantage: Floats, met: NDArray[np.bool_] | None = None, noise: Floats | None = None
) -> Split:
    """Split antisymmetric advantages (n, n), in logits or payoff; `met` (n, n) marks the known ones.

    With all pairs known the ranking is the row means. `noise` (n, n) are the advantages' variances: what
    they are expected to add is taken off both sums of squares.
    """
    count = len(advantage)
    known = ~np.eye(count, dtype=bool) if met is None else met & ~np.eye(count, dtype=bool)
    flow = np.where(known, advantage, 0.0)

    laplacian = np.diag(known.sum(1).astype(float)) - known
    inverse = np.linalg.pinv(laplacian)
    ranking = inverse @ flow.sum(1)
    rest = np.where(known, flow - (ranking[:, None] - ranking[None, :]), 0.0)

    variance = np.zeros(known.shape) if noise is None else np.where(known, noise, 0.0)
    # the share of each advantage's noise that the ranking takes up
    spans = np.diag(inverse)[:, None] + np.diag(inverse)[None, :] - 2 * inverse
    total = float((flow**2 - variance).sum())
    cyclic = float((rest**2 - variance * (1 - spans)).sum())
    return Split(ranking, rest, min(1.0, max(0.0, cyclic / total)) if total > 0 else 0.0)
