"""The mean of one cell's scores, with its interval."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
from scipy import stats

from ..results import Estimate
from .arrays import Floats

ENOUGH: Final = 20
"""Scores from which an interval of points asks what its scores would vary by, not what they happened to."""
HALVINGS: Final = 30


def error(scores: Floats) -> float:
    """The standard error of the mean as the scores show it; 0 where they show none."""
    count = len(scores)
    return float(scores.std(ddof=1)) / count**0.5 if count > 1 else 0.0


@cache
def quantile(at: float, count: int) -> float:
    """Student's quantile for the mean of so many scores."""
    return float(stats.t.ppf(at, max(1, count - 1)))


def mean(scores: Floats, bounds: tuple[float, float], level: float = 0.95) -> Estimate:
    """The mean of independent scores with Student's interval.

    Where all are equal the spread is unknown, not zero: the interval then allows for the values that n
    equal ones cannot exclude, with chance up to 1 − (tail)^(1/n), anywhere within `bounds`.
    """
    count, middle, tail = len(scores), float(scores.mean()), (1 - level) / 2
    low, high = bounds
    if count > 1 and float(np.ptp(scores)) > 1e-12:
        se = error(scores)
        half = quantile(1 - tail, count) * se
        return Estimate(middle, se, middle - half, middle + half)

    unseen = 1 - tail ** (1 / count)
    least, most = middle - unseen * (middle - low), middle + unseen * (high - middle)
    return Estimate(middle, (most - least) / (2 * float(stats.norm.ppf(1 - tail))), least, most)


def points(scores: Floats, level: float = 0.95) -> Estimate:
    """The mean of points between 0 and 1, with an interval that few decided pairs cannot make too narrow.

    A player that takes one pair of 14 and draws the others often shows hardly any spread, and Student's
    interval then leaves out the truth too often. From `ENOUGH` pairs on the interval holds every mean m that
    a score test does not refuse: (mean - m)^2 <= z^2 v(m)/n, with v(m) the variance of the likeliest
    distribution of mean m over the values seen, 0 and 1. Of wins and losses that is Wilson's interval, of
    wins, draws and losses Tango's (1998).
    """
    found = mean(scores, (0.0, 1.0), level)
    if len(scores) < ENOUGH:
        return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))

    values, counts = np.unique(scores, return_counts=True)
    odds = list(zip(values.tolist(), (counts / len(scores)).tolist(), strict=True))
    allowed = float(stats.norm.ppf((1 + level) / 2)) ** 2 / len(scores)
    mirrored = [(1 - value, chance) for value, chance in odds]
    low, high = _least(odds, allowed), 1 - _least(mirrored, allowed)
    return replace(found, low=low, high=high)


def _least(odds: list[tuple[float, float]], allowed: float) -> float:
    """The least mean that the score test allows; `odds` are (value, share of scores), `allowed` z^2/n."""
    average = sum(value * chance for value, chance in odds)
    refused, held = 0.0, average
    for _ in range(HALVINGS):
        m = (refused + held) / 2
        if _holds(odds, average, m, allowed):
            held = m
        else:
            refused = m
    return held


def _holds(odds: list[tuple[float, float]], average: float, m: float, allowed: float) -> bool:
    """Whether a mean m below the average is allowed.

    The likeliest distribution of mean m gives value a the chance f/(1 + x (a - m)), with x such that m is its
    mean, or such that 0, unseen, takes what is left. Either way its variance is (average - m)/x: the test
    holds where x is at most `allowed`/(average - m).
    """
    gap = average - m
    if gap <= allowed * m:  # beyond, 0 takes what is left
        return True
    x = allowed / gap
    return sum(chance * (value - m) / (1 + x * (value - m)) for value, chance in odds) <= 0
