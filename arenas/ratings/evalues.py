"""Evidence that may be looked at at any time: e-values, and many candidates at once by e-BH."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, lgamma, log

from ..results import Pair, ScoreKind


def log_evidence(wins: int, decided: int) -> float:
    """ln E against a fair coin: E = 2ⁿ/((n+1)·C(n, W)), the uniform mixture over win rates.

    E[E] ≤ 1 for a fair coin at every stopping time, so stopping at E ≥ 1/α errs with chance at most α.
    It is two-sided: the direction is whether W exceeds n/2.
    """
    # in logarithms: binomials of a thousand games overflow a float
    ways = lgamma(decided + 1) - lgamma(wins + 1) - lgamma(decided - wins + 1)
    return decided * log(2) - log(decided + 1) - ways


def evidence(wins: int, decided: int) -> float:
    """E itself; infinite where it exceeds what a float holds."""
    value = log_evidence(wins, decided)

    # beyond e^709 a float overflows, and `exp` raises
    return exp(value) if value < 700 else float("inf")


def pair_evidence(pairs: Iterable[Pair], candidate: str, kind: ScoreKind) -> float:
    """The sign e-value over pairs that the candidate won or lost (level pairs tell nothing)."""
    middle = 0.5 if kind == "win" else 0.0
    scores = [pair.score(candidate, kind) for pair in pairs]
    wins, losses = sum(s > middle for s in scores), sum(s < middle for s in scores)
    return evidence(wins, wins + losses)


def discoveries(values: Mapping[str, float], alpha: float = 0.05) -> tuple[str, ...]:
    """e-BH: who may be called better with a false discovery rate of at most α, however they depend.

    The k largest, for the largest k whose k-th value is at least n/(α·k) (Wang and Ramdas 2022).
    """
    # names break ties, so that equal evidence is listed alike every time
    order = sorted(values, key=lambda name: (-values[name], name))

    passed = [k for k, name in enumerate(order, 1) if values[name] >= len(order) / (alpha * k)]
    return tuple(order[: max(passed, default=0)])
