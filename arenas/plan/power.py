"""Whether a schedule can decide, said before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TypeAlias

import numpy as np
from scipy import stats

from ..ratings.arrays import Floats
from ..ratings.fit import ELO
from ..results import GameRow, ScoreKind, complete

Meetings: TypeAlias = Mapping[tuple[str, ...], float]
"""How many blocks, each with all its seatings, the entrants of each group share."""
MEASURED = 20
"""Pairs from which a measured spread is worth more than an assumed one."""


def detects(
    met: Meetings,
    kind: ScoreKind,
    variance: float = 0.25,
    *,
    chance: float = 0.8,
    level: float = 0.95,
) -> float:
    """The difference of two average entrants that their interval resolves with this `chance`.

    In Elo for win games, near even chances; else in payoff. `variance` is that of one game's score, or
    payoff, with what the seats of a pair share already taken out; NaN where no entrants meet.
    """
    # a win game tells slope²/variance of a logit, and at even chances the slope is ¼
    error = _errors(met, 0.25**2 / variance if kind == "win" else 1 / variance)
    if not len(error):
        return float("nan")

    reach = float(stats.norm.ppf((1 + level) / 2) + stats.norm.ppf(chance))
    return reach * float(np.sqrt(np.mean(error**2))) * (ELO if kind == "win" else 1.0)


def spread(rows: Iterable[GameRow], kind: ScoreKind) -> float | None:
    """The measured variance of a pair's score about its cell's mean; None from too few pairs."""
    cells: dict[tuple[str, ...], list[float]] = {}
    for pair in complete(rows):
        who = tuple(sorted(pair.entrants))
        cells.setdefault(who, []).append(pair.score(who[0], kind))

    # cells differ by strength, which is no noise: each has a mean of its own
    freedom = sum(len(scores) - 1 for scores in cells.values())
    if freedom < MEASURED:
        return None
    return sum(float(np.var(scores)) * len(scores) for scores in cells.values()) / freedom


def assumed(kind: ScoreKind, low: float, high: float) -> float:
    """The variance of a pair's score before anything is known: half a game's, of a quarter of the range."""
    # a pair is the mean of two games, which halves the variance
    return (0.5 if kind == "win" else (high - low) / 4) ** 2 / 2


def _errors(met: Meetings, weight: float) -> Floats:
    """Standard error of the difference of each two entrants, if a game between two weighs so much."""
    names = sorted({name for group in met for name in group})
    if len(names) < 2:
        return np.zeros(0)
    at = {name: n for n, name in enumerate(names)}

    fisher = np.zeros((len(names), len(names)))
    for group, often in met.items():
        # a game of K places holds K − 1 facts
        known = weight * often * len(group) / (len(group) - 1)
        for i, j in combinations([at[name] for name in group], 2):
            fisher[[i, j], [i, j]] += known
            fisher[[i, j], [j, i]] -= known

    # a shift of all ratings is in no game, so the matrix has no plain inverse
    spans = np.linalg.pinv(fisher)
    variance = np.add.outer(np.diag(spans), np.diag(spans)) - 2 * spans
    return np.sqrt(np.maximum(0.0, variance[np.triu_indices(len(names), 1)]))
