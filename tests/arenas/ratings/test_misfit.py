"""Whether one number a player describes the games: how often the test says no where it does."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from sparring.arenas.ratings.arrays import Played
from sparring.arenas.ratings.fit import fit
from sparring.arenas.ratings.misfit import misfit

NAMES = tuple("abcdef")


def equals(pairs: int, seed: int) -> Played:
    """A round robin of equal players, `pairs` a cell, whose payoffs are normal."""
    low, high = np.array(list(combinations(range(len(NAMES)), 2))).T
    entrant = np.stack([np.repeat(low, pairs), np.repeat(high, pairs)], 1)
    paid = np.random.default_rng(seed).normal(0, 1, len(entrant))
    nothing, score = np.zeros_like(entrant), np.stack([paid, -paid], 1)
    return Played(
        NAMES, ("player",), ("player",), entrant, nothing, nothing, score, np.arange(len(entrant))
    )


def test_a_few_pairs_a_cell_raise_few_false_alarms():
    """Variances from 8 pairs are too small too often; unscaled 1 of 4 would be called misfits."""
    found = [
        misfit(one, "payoff", fit(one, "payoff"))
        for one in (equals(8, seed) for seed in range(200))
    ]
    assert np.mean([p is not None and p < 0.05 for p in found]) < 0.14


def test_fewer_pairs_than_eight_a_cell_are_not_tested():
    played = equals(7, 0)
    assert misfit(played, "payoff", fit(played, "payoff")) is None
