"""Nash averaging: worth against the strongest mixture, which copies of an entrant cannot change.

Balduzzi et al. 2018: the maximum-entropy Nash equilibrium of the antisymmetric advantages. Entropy alone
would weigh a class by its number of copies wherever equilibria are many, so copies are merged first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from .arrays import Floats, Ints
from .newton import FitError

SAME = 1e-9
EXACT = 1e-6


@dataclass(frozen=True)
class Average:
    """`mixture` (n,) is the equilibrium, split evenly over copies; `worth` (n,) each one's mean against it.

    `worth` is 0 for those in the mixture and at most 0 for the rest.
    """

    mixture: Floats
    worth: Floats


def nash_average(advantage: Floats) -> Average:
    """The average for antisymmetric advantages (n, n), in logits or payoff."""
    if not np.allclose(advantage, -advantage.T, atol=1e-8):
        raise FitError("advantages must be antisymmetric: what i gains from j, j loses to i")

    # solved over one member of each class, then split evenly over its copies
    kind, first = _copies(advantage)
    table = advantage[np.ix_(first, first)]
    mixed = _widest(table)
    mixture = mixed[kind] / np.bincount(kind)[kind]
    return Average(mixture, advantage @ mixture)


def _copies(advantage: Floats) -> tuple[Ints, Ints]:
    """The class of each entrant, alike where their rows are, and one member of each class."""
    kind = np.full(len(advantage), -1)
    first: list[int] = []
    for n, row in enumerate(advantage):
        if kind[n] < 0:
            # nearness is not transitive: a row stays in the first class that it fits
            kind[(np.abs(advantage - row).max(1) < SAME) & (kind < 0)] = len(first)
            first.append(n)
    return kind, np.array(first)


def _widest(table: Floats) -> Floats:
    """The equilibrium of most entropy: its support is everything that any equilibrium plays."""
    # the mean over these plays all that any equilibrium plays
    vertices = np.array([_reaching(table, n) for n in range(len(table))])
    start = vertices.mean(0)
    played = np.flatnonzero(start > SAME)

    # all ends are one point: the equilibrium is unique, and entropy has nothing to choose
    if len(played) == 1 or float(np.ptp(vertices, 0).max()) < SAME:
        return start / start.sum()

    inside = table[:, played]
    # an antisymmetric game is worth 0: in equilibrium no entrant gains anything
    limits = [
        {"type": "eq", "fun": lambda p: p.sum() - 1, "jac": lambda p: np.ones_like(p)},
        {"type": "ineq", "fun": lambda p: -inside @ p, "jac": lambda p: -inside},
    ]

    found = optimize.minimize(
        lambda p: float(p @ np.log(np.maximum(p, 1e-300))),
        start[played],
        jac=lambda p: np.log(np.maximum(p, 1e-300)) + 1,
        # the slope of the entropy is infinite at 0
        bounds=[(1e-12, 1)] * len(played),
        constraints=limits,
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )

    mixed = np.zeros(len(table))
    mixed[played] = np.maximum(found.x, 0)

    mixed /= mixed.sum()

    # the solver may stop short without saying so; the inequalities themselves decide
    if float((table @ mixed).max()) > EXACT * max(1.0, float(np.abs(table).max())):
        raise FitError(f"no equilibrium found: {found.message}")
    return mixed


def _reaching(table: Floats, entrant: int) -> Floats:
    """The equilibrium that plays `entrant` most."""
    count = len(table)
    found = optimize.linprog(
        -np.eye(count)[entrant],
        A_ub=table,
        b_ub=np.zeros(count),
        A_eq=np.ones((1, count)),
        b_eq=[1.0],
        bounds=(0, 1),
    )
    return np.asarray(found.x)
