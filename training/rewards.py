"""Rewards made from rates: what a proposer earns for a task that a share `p` of attempts solved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType


def difficulty(p: float) -> float:
    """1 − p where anyone solved it, else 0 (Absolute Zero, as in its paper)."""
    return 1 - p if p > 0 else 0.0


def released(p: float) -> float:
    """As `difficulty`, but −0.5 for tasks that all or none solved (Absolute Zero, as released)."""
    return 1 - p if 0 < p < 1 else -0.5


def variance(p: float) -> float:
    """4p(1 − p): the variance of one attempt, scaled to a top of 1 at p = ½."""
    return 4 * p * (1 - p)


def uncertainty(p: float) -> float:
    """min(p, 1 − p) (R-Zero)."""
    return min(p, 1 - p)


def neither(p: float) -> float:
    """1 where some attempts solved it and some did not (SQLM)."""
    return 1.0 if 0 < p < 1 else 0.0


def unbiased_variance(solved: int, attempts: int) -> float:
    """n/(n − 1) · p̂(1 − p̂): its expectation over attempts is p(1 − p). Needs two attempts."""
    if attempts < 2 or not 0 <= solved <= attempts:
        raise ValueError(f"{solved} of {attempts} attempts; at least 2 are needed")
    share = solved / attempts
    return attempts / (attempts - 1) * share * (1 - share)


PROPOSER: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "difficulty": difficulty,
        "released": released,
        "variance": variance,
        "uncertainty": uncertainty,
        "neither": neither,
    }
)


def corrected(first: float, second: float, alpha: float = 1.0) -> float:
    """The reward of a second answer with a bonus for improving on the first (SCoRe)."""
    return second + alpha * (second - first)


def returns(payoff: float, credits: list[float], spread: str) -> list[float]:
    """What each of a seat's turns is credited with, in turn order.

    `terminal`: the payoff. `to_go`: the payoff and all credits from this turn on. `turn`: the payoff
    and this turn's credits.
    """
    if spread == "terminal":
        return [payoff] * len(credits)
    if spread == "turn":
        return [payoff + credit for credit in credits]
    total, gathered = payoff, [0.0] * len(credits)
    for index in range(len(credits) - 1, -1, -1):
        total += credits[index]
        gathered[index] = total
    return gathered
