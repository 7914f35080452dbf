"""α-Rank: how long evolution with rare mutations stays at each strategy (Omidshafiei et al. 2019).

A mutant with advantage u takes over a population of m with chance ρ = (1−e^{−u})/(1−e^{−mu}), 1/m at
u = 0. All of it is in logarithms: at strong selection the chances underflow long before their ratios
stop to matter, and the chain would come apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from .arrays import Floats


def alpha_rank(payoff: Floats, *, alpha: float = 1.0, population: int = 50) -> Floats:
    """(n,) stationary mass for one population; `payoff` (n, n) is the row's against the column.

    u = α·(M[r, s] − M[s, r]) for a mutant r among s (local selection); C[s, r] = ρ/(n − 1).
    """
    # row s, column r: the lead of a mutant r over residents s; the factor 1/(n − 1) is
    # common to all rates, so the stationary mass does not depend on it
    advantage = alpha * (payoff.T - payoff)
    moves = log_fixation(advantage, population)
    # staying is no move: the elimination reads rates between states alone
    np.fill_diagonal(moves, -np.inf)
    return stationary(moves)


def alpha_rank_roles(
    payoffs: Sequence[Floats], *, alpha: float = 1.0, population: int = 50
) -> Floats:
    """Mass of each joint profile, shaped like each of `payoffs`: one array per role, one axis per role.

    Profiles are linked where one role alone changes its strategy.
    """
    shape = payoffs[0].shape

    profiles = list(product(*map(range, shape)))
    moves = np.full((len(profiles), len(profiles)), -np.inf)

    for here, old in enumerate(profiles):
        for there, new in enumerate(profiles):
            changed = [role for role in range(len(shape)) if old[role] != new[role]]
            # mutations are rare, so two roles never change at the same time
            if len(changed) == 1:
                gain = alpha * (payoffs[changed[0]][new] - payoffs[changed[0]][old])
                moves[here, there] = log_fixation(np.array(gain), population)
    return stationary(moves).reshape(shape)


def log_fixation(u: Floats, population: int) -> Floats:
    """ln ρ(u), without overflow: for u < 0 both terms are flipped to grow."""
    # u = 0 is the limit 1/m, which this size reaches to the last digit
    size = np.maximum(np.abs(u), 1e-12)
    rising = _log_gap(size) - _log_gap(population * size)
    return rising - np.where(u < 0, (population - 1) * size, 0.0)


def stationary(moves: Floats) -> Floats:
    """The stationary distribution of a chain given by ln of its off-diagonal rates (n, n).

    Grassmann, Taksar and Heyman's elimination: no subtraction, so no cancellation, here in logarithms.
    """
    rates = moves.copy()
    count = len(rates)
    leaving = np.zeros(count)

    # a state is taken out: what entered it goes on to where it would have left for
    for last in range(count - 1, 0, -1):
        leaving[last] = np.logaddexp.reduce(rates[last, :last])
        through = rates[:last, last, None] + rates[None, last, :last] - leaving[last]
        rates[:last, :last] = np.logaddexp(rates[:last, :last], through)

    # states come back in the opposite order, relative to the first, whose ln mass is 0
    mass = np.zeros(count)
    for state in range(1, count):
        mass[state] = np.logaddexp.reduce(mass[:state] + rates[:state, state]) - leaving[state]
    return np.exp(mass - float(np.logaddexp.reduce(mass)))


def _log_gap(size: Floats) -> Floats:
    """ln(1 − e^{−size}) for size > 0."""
    return np.log(-np.expm1(-size))
