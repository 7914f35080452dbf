"""An equilibrium of any small zero-sum game of two, by linear programming over sequences.

The row player's plan x maximises what it earns against the column player's best response:
max p·v₀ over E x = e, x ≥ 0, A' x ≥ F' v (Koller, Megiddo, von Stengel 1996, "Efficient computation of
equilibria for extensive two-person games"). Solved once for each seat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix, hstack

from .exact import Floats, Odds, Spot, Tree, TreeError, ViewKey

# A solution lives as long as its tree, which is large and equal only to itself.
_solved: WeakKeyDictionary[Tree, Mapping[ViewKey, Odds]] = WeakKeyDictionary()


def equilibrium(tree: Tree) -> Mapping[ViewKey, Odds]:
    """Behaviour of both seats at a Nash equilibrium; solved once per tree.

    Views that a seat's own play never reaches get uniform odds. Raises TreeError for a game that is
    not zero-sum, or in which not exactly two seats move.
    """
    if tree.game.sum != "zero" or len(tree.game.seats) != 2:
        raise TreeError(
            f"{tree.game.id} is no zero-sum game of two seats, so no equilibrium is solved for it"
        )

    known = _solved.get(tree)
    if known is None:
        known = _solved[tree] = {**_behaviour(tree, 0), **_behaviour(tree, 1)}
    return known


def _behaviour(tree: Tree, row: int) -> dict[ViewKey, Odds]:
    """The odds of one seat: its optimal plan, divided by the weight of each spot's parent."""
    spots = [spot for spot in tree.spots if spot.info.seat == tree.game.seats[row]]
    plan = _optimal_plan(tree, row)
    odds: dict[ViewKey, Odds] = {}
    for spot in spots:
        # the solver keeps bounds to a tolerance: a weight may be a little below 0
        weights = plan[spot.start : spot.start + len(spot.info.choices)].clip(min=0)
        total = float(weights.sum())
        # a spot that the plan never reaches has no odds of its own
        uniform = np.full(len(weights), 1 / len(weights))
        odds[spot.info.key] = tuple((weights / total if total > 1e-9 else uniform).tolist())
    return odds


def _optimal_plan(tree: Tree, row: int) -> Floats:
    """The row seat's plan over all sequences (those of the other seat stay 0)."""
    column = 1 - row
    size = tree.sequences
    # a leaf counts by its odds under chance alone; the two plans supply the players' part
    gain = tree.chance * tree.payoff[:, tree.game.players.index(tree.game.seats[row])]
    # leaves with the same two last sequences fall on one entry, where coo adds them up
    pays = coo_matrix((gain, (tree.last[:, row], tree.last[:, column])), (size, size)).tocsr()

    own, own_total = _flow(tree, row)
    other, other_total = _flow(tree, column)

    # variables: x (size), v (one per constraint of the other seat); maximise other_total · v
    # linprog minimises, hence the minus
    cost = np.concatenate([np.zeros(size), -other_total])
    # A' x ≥ F' v, written as −A' x + F' v ≤ 0
    below: Any = hstack([-pays.T, other.T]).tocsr()
    equal: Any = hstack([own, csr_matrix((own.shape[0], len(other_total)))]).tocsr()
    # weights are at least 0; the values v of spots may have either sign
    bounds = [(0, None)] * size + [(None, None)] * len(other_total)

    found: Any = linprog(cost, below, np.zeros(size), equal, own_total, bounds, method="highs")
    if not found.success:
        raise TreeError(f"no equilibrium of {tree.game.id} was found: {found.message}")
    return np.asarray(found.x[:size])


def _flow(tree: Tree, column: int) -> tuple[Any, Floats]:
    """A plan's constraints: the empty sequence weighs 1, and a spot's choices share its parent's weight."""
    spots: list[Spot] = [spot for spot in tree.spots if spot.info.seat == tree.game.seats[column]]
    # the first sequences of a tree are the seats' empty ones, in the order of the seats
    entries = [(0, column, 1.0)]
    for line, spot in enumerate(spots, start=1):
        entries.append((line, spot.parent, -1.0))
        entries += [(line, spot.start + i, 1.0) for i in range(len(spot.info.choices))]
    lines, sequences, signs = zip(*entries, strict=True)
    total = np.zeros(len(spots) + 1)
    total[0] = 1.0
    return coo_matrix((signs, (lines, sequences)), (len(total), tree.sequences)).tocsr(), total
