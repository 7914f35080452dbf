"""The pairs that tell most per token: expected information gain, greedily, with rank-one updates.

EIG_ij = ½ ln(1 + w·d_ij), d_ij = Σ_ii + Σ_jj − 2Σ_ij, with Σ the pseudo-inverse Fisher matrix (not the
sandwich) and w the information of what is played: p(1−p) for one win game, twice that for a pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csgraph

from ..ratings.arrays import Floats
from ..ratings.fit import Fit
from ..results import ScoreKind

VAGUE = 4.0
"""Variance of a rating, in logits squared, before anything is known."""


def gain(information: Floats, weight: Floats) -> Floats:
    """(n, n) expected information of each pair, in nats; 0 on the diagonal."""
    # rounding may leave a variance just under 0, and the gain would then be negative
    spread = np.diag(information)
    return np.log1p(weight * np.maximum(0, spread[:, None] + spread[None, :] - 2 * information)) / 2


def win_weight(rating: Floats, legs: int = 2) -> Floats:
    """(n, n) Fisher information of `legs` win games, from ratings in logits."""
    chance = 1 / (1 + np.exp(rating[None, :] - rating[:, None]))
    return legs * chance * (1 - chance)


def informative(
    information: Floats,
    weight: Floats,
    tokens: Floats,
    count: int,
    met: NDArray[np.bool_] | None = None,
) -> list[tuple[int, int]]:
    """The next `count` pairs, best first: first what connects those who never met, then gain per token.

    `information`, `weight` and `tokens` (n, n); `tokens` is the expected cost of each pair. After each
    choice Σ ← Σ − w·Σv(Σv)ᵀ/(1 + w·d), v = e_i − e_j (Sherman and Morrison).
    """
    known = information.copy()
    together = np.eye(len(known), dtype=bool) if met is None else met.copy()
    chosen: list[tuple[int, int]] = []

    for _ in range(count):
        # the upper triangle, so that each pair is offered once
        value = np.triu(gain(known, weight) / tokens, 1)
        parts, label = csgraph.connected_components(together, directed=False)

        # entrants that never met cannot be compared: joining them comes before any gain
        if parts > 1:
            value = np.where(label[:, None] != label[None, :], np.triu(1 / tokens + value, 1), 0)

        i, j = divmod(int(value.argmax()), len(known))
        chosen.append((i, j))

        together[i, j] = together[j, i] = True

        # rank one: a new inverse for each choice would cost n³
        column = known[:, i] - known[:, j]
        known -= (
            weight[i, j] / (1 + weight[i, j] * (column[i] - column[j])) * np.outer(column, column)
        )
    return chosen


def next_pairs(
    names: Sequence[str],
    count: int,
    *,
    fitted: Fit | None = None,
    kind: ScoreKind = "win",
    variance: float = 1.0,
    tokens: Floats | None = None,
) -> list[tuple[str, str]]:
    """The next `count` pairs of names by gain per token; without a fit nothing is known of anybody.

    `tokens` (n, n) in the order of `names`; `variance` is that of one payoff game. Newcomers, who are not
    in the fit, are as vague as all were at first.
    """
    size = len(names)

    information, rating = VAGUE * np.eye(size), np.zeros(size)
    met = np.eye(size, dtype=bool)
    if fitted is not None:
        old = [n for n, name in enumerate(names) if name in fitted.names]
        at = [fitted.names.index(names[n]) for n in old]
        information[np.ix_(old, old)] = fitted.information[np.ix_(at, at)]
        rating[old] = fitted.rating[at]
        # one fit has related these already: only newcomers still need joining
        met[np.ix_(old, old)] = True

    # a pair is two games; without measured costs all pairs cost alike
    weight = win_weight(rating) if kind == "win" else np.full((size, size), 2 / variance)
    cost = np.ones((size, size)) if tokens is None else tokens
    pairs = informative(information, weight, cost, count, met)
    return [(names[i], names[j]) for i, j in pairs]
