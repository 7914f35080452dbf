"""Prioritised fictitious self-play: how often to meet each past opponent (Vinyals et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

Weighting: TypeAlias = Literal["squared", "variance", "linear", "capped"]
NEGLIGIBLE = 1e-10


def shrunk(score: float, games: float) -> float:
    """A measured rate under Beta(½, ½): `score` is the sum of points in [0, 1], a draw being ½."""
    return (score + 0.5) / (games + 1)


def weights(rates: Sequence[float], kind: Weighting = "squared") -> tuple[float, ...]:
    """Chances of each opponent from the learner's rates x against them, in [0, 1]: of wins, or of payoff.

    squared (1−x)², variance x(1−x), linear 1−x, capped min(½, 1−x); uniform where all vanish, so that a
    learner that beats all of them still gets an opponent.
    """
    raw = [_raw(rate, kind) for rate in rates]
    total = sum(raw)
    if total < NEGLIGIBLE:
        return tuple(1 / len(raw) for _ in raw)
    return tuple(weight / total for weight in raw)


def unsettled(rates: Sequence[float]) -> int:
    """How many of the oldest are left when the newest, each harder than the one before, are taken off.

    `rates` are the learner's against its own past, oldest first. Where it grows steadily they fall, and 0 are
    left: nothing is to be verified (Vinyals et al. 2019).
    """
    left = len(rates)
    while left > 1 and rates[left - 2] >= rates[left - 1]:
        left -= 1
    return left if left > 1 else 0


def _raw(rate: float, kind: Weighting) -> float:
    match kind:
        case "squared":
            return (1 - rate) ** 2
        case "variance":
            return rate * (1 - rate)
        case "linear":
            return 1 - rate
        case "capped":
            return min(0.5, 1 - rate)
