"""What the games prove of an entrant that never lost, or never won: a bound to one side.

No finite rating fits such an entrant, so its interval under a prior is the prior's word. The games
themselves say "at least": the rating at which so many wins in a row would still have the chance 1 − level.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from .arrays import Floats, Played
from .fit import Fit, takings

FARTHEST = 60.0
"""Logits beyond which a search for a bound does not look."""


def one_sided(played: Played, fitted: Fit, level: float) -> tuple[Floats, Floats]:
    """(n,) least and (n,) most of each rating, in logits; NaN for entrants without such a bound.

    A group that never lost to those outside of it is moved as a whole against them; the others' ratings
    are taken as fitted. Legs of one pair may decide together, so a pair counts as one game.
    """
    count = len(played.names)
    least, most = np.full(count, np.nan), np.full(count, np.nan)
    order = nx.condensation(nx.from_numpy_array(takings(played), create_using=nx.DiGraph))

    # an edge runs from taker to giver: a tier that none enters never lost
    for tier in order:
        members = np.isin(np.arange(count), list(order.nodes[tier]["members"]))
        if not order.in_degree(tier):
            _bounded(least, played, fitted, members, level, 1.0)
        if not order.out_degree(tier):
            _bounded(most, played, fitted, members, level, -1.0)
    return least, most


def _bounded(
    bound: Floats,
    played: Played,
    fitted: Fit,
    members: NDArray[np.bool_],
    level: float,
    sign: float,
) -> None:
    """Fill in the bound of the `members`, who are above all others (`sign` 1) or below (−1)."""
    gaps = sign * _gaps(played, fitted.utility, members)
    if not len(gaps):
        return  # a pool of one tier met no others

    # a pair counts once whatever its legs, a game once whatever the outsiders in it
    weight = (int(played.block.max()) + 1) / len(played) / (played.places - 1)

    def surprise(shift: float) -> float:
        # 0 where winning all of these games has just the chance 1 − level
        return float(special.log_expit(gaps + shift).sum()) * weight - log(1 - level)

    # without a crossing in reach the games bound nothing: the end of the search is told
    shift = FARTHEST * -1.0
    if surprise(FARTHEST) > 0 > surprise(-FARTHEST):
        shift = float(optimize.brentq(surprise, -FARTHEST, FARTHEST))  # type: ignore[arg-type]

    moved = members.astype(float)
    # the anchor is 0 whatever moves: a mean moves by the group's share of it, a member
    # with the group
    if fitted.anchor == "mean":
        moved -= members.mean()
    elif members[fitted.names.index(fitted.anchor)]:
        return

    own = np.flatnonzero(members)
    bound[own] = fitted.rating[own] + sign * shift * moved[own]


def _gaps(played: Played, utility: Floats, members: Sequence[bool] | NDArray[np.bool_]) -> Floats:
    """By how much the fit has a member's place ahead of an outsider's, for all such pairs of places."""
    inside = np.asarray(members)[played.entrant]
    found: list[Floats] = []

    # games inside the group say nothing of how far it stands from the others
    for a in range(played.places):
        for b in range(played.places):
            both = inside[:, a] & ~inside[:, b]
            found.append(utility[both, a] - utility[both, b])
    return np.concatenate(found)
