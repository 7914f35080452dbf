"""How far a noisy number has risen above its least, told from its noise."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt
from typing import cast

SPAN = 10
"""The records that a running mean is over: it is plain up to there, and then has decay 1 − 1/10."""
FIRST = 5
"""The records before which nothing is said: the noise is not known yet."""
SETTLED = 1 / sqrt(2 * SPAN - 1)
"""The deviation of the running mean in the end, as a share of the number's."""


class Drift:
    """How far the running mean of a noisy number has risen above its least, record by record.

    Every mean counts from the first record on, so that a rise within the first ten is seen. A mean of few
    records is noisy, and the least of several lies too low: what it is noisier than a mean of ten is allowed
    for with three deviations. The number's deviation is that of its steps, √(Σ(x_t − x_(t−1))² / 2(n − 1))
    (von Neumann), which a slow rise hardly moves. A rise within what n records of noise alone would show,
    2 (½ + √(2 ln n)) deviations of the running mean, is none.
    """

    def __init__(self) -> None:
        self._count, self._mean = 0, 0.0
        # the variance of the mean and the sum of squared steps, over 2
        self._weight = self._steps = self._last = 0.0
        # (mean, deviation beyond a mean of ten's as a share of the number's) of the first records
        self._early: list[tuple[float, float]] = []
        self._least: float | None = None

    def add(self, value: float) -> None:
        self._count += 1
        if self._count > 1:
            self._steps += (value - self._last) ** 2 / 2
        self._last = value

        share = 1 / min(self._count, SPAN)
        self._mean += (value - self._mean) * share
        self._weight = self._weight * (1 - share) ** 2 + share**2

        if self._count < SPAN:
            self._early.append((self._mean, self._excess))
        else:
            self._least = self._mean if self._least is None else min(self._least, self._mean)

    @property
    def _excess(self) -> float:
        return max(0.0, sqrt(self._weight) - 1 / sqrt(SPAN))

    @property
    def risen(self) -> float:
        """The rise beyond noise; 0 where noise explains it."""
        if self._count < FIRST:
            return 0.0
        noise = sqrt(self._steps / (self._count - 1))
        means = [mean + 3 * noise * excess for mean, excess in self._early]
        least = min(means if self._least is None else [*means, self._least])

        rise = self._mean - least - 3 * noise * self._excess
        by_chance = 2 * (0.5 + sqrt(2 * log(self._count))) * noise * SETTLED
        return rise if rise > by_chance else 0.0

    def state(self) -> dict[str, object]:
        return {
            "count": self._count,
            "mean": self._mean,
            "weight": self._weight,
            "steps": self._steps,
            "last": self._last,
            "early": [list(one) for one in self._early],
            "least": self._least,
        }

    @classmethod
    def restored(cls, state: object) -> Drift:
        """One as `state` wrote it; a fresh one for what an older version wrote."""
        drift = cls()
        if not isinstance(state, Mapping):
            return drift
        kept = cast(Mapping[str, float], state)
        drift._count, drift._mean = int(kept["count"]), kept["mean"]
        drift._weight, drift._steps, drift._last = kept["weight"], kept["steps"], kept["last"]

        early = cast(list[tuple[float, float]], kept["early"])
        drift._early = [(mean, excess) for mean, excess in early]
        drift._least = cast("float | None", kept["least"])
        return drift
