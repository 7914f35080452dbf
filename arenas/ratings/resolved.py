"""Is the mean of bounded scores above its middle or below: a test that holds for few pairs and many cells.

Student's t is right near the centre of its distribution. A page with thousands of cells asks for levels of
one in a million, and there the t of ten pairs with scores of 0, ½ and 1 is wrong by factors of ten.
KL(F̂, m), the least divergence from the scores seen to any distribution within the bounds whose mean is m,
is not: exp(−n·KL) bounds the tail where one side is hardly seen (Honda and Takemura 2010), and
√(2n·KL) is the signed root of the empirical likelihood ratio where both sides are (Owen 1988).
"""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
from scipy import stats

from .arrays import Floats

BOTH = 10
"""Scores on either side of the middle from which the likelihood ratio's own distribution is used."""
STEPS = 60


def chance(scores: Floats, middle: float, bounds: tuple[float, float]) -> float:
    """The chance of a mean so far from the middle, to either side, if the true mean were the middle."""
    values, counts = np.unique(scores - middle, return_counts=True)
    total, mean = len(scores), float(values @ counts) / len(scores)
    if abs(mean) < 1e-12:
        return 1.0

    # scores are turned so that their mean lies above; room is what lies on the other side
    room = middle - bounds[0] if mean > 0 else bounds[1] - middle
    ratio = divergence(values * np.sign(mean), counts / total, room) * total
    sides = min(int(counts[values < 0].sum()), int(counts[values > 0].sum()))

    # one side hardly seen: the bound, doubled for a deviation to either side
    if sides < BOTH:
        return min(1.0, 2 * exp(-ratio))
    return float(2 * stats.t.sf(sqrt(2 * ratio), total - 1))


def divergence(above: Floats, chances: Floats, room: float) -> float:
    """KL of the scores seen, `above` the middle with these `chances`, to a mean at the middle.

    `room` is how far below the middle a score may lie. The dual: max of Σ p·ln(1 + λ·above) over
    0 ≤ λ ≤ 1/room, concave in λ, so bisection on its slope finds it.
    """
    if room <= 0:
        return float("inf")
    low, high = 0.0, 1 / room

    # still rising at the end of the range: the maximum is there
    if float((chances * above / np.maximum(1 + high * above, 1e-300)).sum()) >= 0:
        return float(chances @ np.log(np.maximum(1 + high * above, 1e-300)))

    for _ in range(STEPS):
        at = (low + high) / 2
        if float((chances * above / (1 + at * above)).sum()) > 0:
            low = at
        else:
            high = at

    # any λ bounds the maximum from below: `low` errs towards the larger chance
    return float(chances @ np.log1p(low * above))
