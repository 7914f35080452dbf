"""What a proposer is paid for a task of solve rate p: pure functions, one per published method.

p is the share of the solver's attempts that were right. All but the Gaussian are 0 or less where every
attempt or no attempt succeeds; what they prefer in between differs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..registry import ParameterError
from ..types import Value
from ..values import canonical, same
from .programs import Answer

ProposerReward: TypeAlias = Callable[[float], float]


def learnability(p: float) -> float:
    """1 − p where some attempt succeeds, else 0 (Absolute Zero, as the paper states it)."""
    return 1 - p if p > 0 else 0.0


def learnability_released(p: float) -> float:
    """1 − p strictly inside (0, 1), −0.5 at both ends (Absolute Zero, as the released code computes it)."""
    return 1 - p if 0 < p < 1 else -0.5


def variance(p: float) -> float:
    """4p(1 − p): the variance of one attempt, scaled to 1 at p = ½."""
    return 4 * p * (1 - p)


def gaussian(p: float) -> float:
    """exp(−(p(1 − p) − ¼)² / (2σ²)), σ² = 0.01: 1 at p = ½, 0.82 at ¼, 0.04 at both ends (SPICE).

    The form is the paper's; its σ² is written here from memory, and no source at hand tells it.
    """
    return math.exp(-((p * (1 - p) - 0.25) ** 2) / 0.02)


def tent(p: float) -> float:
    """min(p, 1 − p) (R-Zero before its repetition penalty)."""
    return min(p, 1 - p)


def neither_end(p: float) -> float:
    """1 where 0 < p < 1, else 0 (SQLM)."""
    return float(0 < p < 1)


PROPOSER_REWARDS: dict[str, ProposerReward] = {
    "paper": learnability,
    "released": learnability_released,
    "variance": variance,
    "gaussian": gaussian,
    "tent": tent,
    "neither_end": neither_end,
}


def proposer_reward(name: str) -> ProposerReward:
    """The reward of this name. Raises ParameterError, listing the names."""
    if name not in PROPOSER_REWARDS:
        raise ParameterError(
            f"no proposer reward {name!r}; there are: {', '.join(PROPOSER_REWARDS)}"
        )
    return PROPOSER_REWARDS[name]


TASKS = ("proposed", "shelf")
"""Where a game's task comes from: from its proposer, or from the shelf of those that were kept."""


def proposer_range(name: str, tasks: str = "proposed") -> tuple[float, float]:
    """The payoff range of a game that pays its proposer by this reward. Raises ParameterError."""
    if tasks not in TASKS:
        raise ParameterError(f"no tasks {tasks!r}; there are: {', '.join(TASKS)}")
    # Called for its error alone: one range holds for every reward and for the −1 of a
    # refusal.
    proposer_reward(name)
    return (-1.0, 1.0)


def solver_reward(given: Answer | None, gold: Value) -> float:
    """1 for the right value, −0.5 for a wrong one, −1 for none that could be read (Absolute Zero)."""
    if given is None:
        return -1.0
    return 1.0 if same(given.value, gold) else -0.5


def agreement(answers: Sequence[Answer | None]) -> float:
    """The share of pairs among the answers given that are the same value; 0 where there is no pair.

    A second measure beside the solve rate: solvers who can only guess agree as seldom with each other as with
    the key.
    """
    # By canonical text, since lists and dicts cannot be counted.
    texts = Counter(canonical(said.value) for said in answers if said is not None)
    # Ordered pairs above and below, so the factor of two cancels.
    pairs = texts.total() * (texts.total() - 1)
    return sum(n * (n - 1) for n in texts.values()) / pairs if pairs else 0.0


def repetition_share(index: int, similar: list[list[bool]]) -> float:
    """The share of a batch that belongs to the cluster of item `index` (R-Zero's penalty).

    `similar[i][j]` says that i and j are near copies; clusters are its connected components.
    """
    # Copies of copies belong to the cluster too, though they are unlike the item itself.
    cluster, frontier = {index}, [index]
    while frontier:
        here = frontier.pop()
        fresh = {other for other, close in enumerate(similar[here]) if close} - cluster
        cluster |= fresh
        frontier.extend(fresh)
    return len(cluster) / len(similar)
