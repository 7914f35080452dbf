"""Intervals made on the scale of scores, where that of ratings misleads.

No finite rating fits an entrant that never lost, so its interval under a prior is the prior's word. The
games themselves say "at least": the rating at which so many wins in a row would still have the chance
1 − level. Of two entrants alone the ratings are a function of one score, and its interval is carried over:
Student's on ratings would be far too wide for few pairs, since near 0 and 1 a logit stretches without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from .arrays import Floats, Played
from .crosstable import encounters
from .fit import Fit, takings
from .means import points

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


def of_two(played: Played, fitted: Fit, level: float) -> tuple[Floats, Floats]:
    """(2,) least and (2,) most of the ratings of two entrants of a win game, in logits: by their score.

    Infinite where the score's interval reaches 0 or 1.
    """
    met = encounters(played, "win")
    score = points(met.score[met.low < met.high], level)
    gaps = _gaps(played, fitted.utility, [True, False])

    # an offset of seats that few games show stretches all ratings: the wider of with it and without
    apart = fitted.rating[0] - fitted.rating[1]
    low = min(apart + _shift(gaps, score.low), _shift(np.zeros(1), score.low))
    high = max(apart + _shift(gaps, score.high), _shift(np.zeros(1), score.high))

    least, most = np.zeros(2), np.zeros(2)
    for own, (down, up) in enumerate(((low, high), (-high, -low))):
        # the anchor is 0 by definition, and the other has the whole difference
        if fitted.names[own] != fitted.anchor:
            share = 0.5 if fitted.anchor == "mean" else 1.0
            least[own], most[own] = share * down, share * up
    return least, most


def _shift(gaps: Floats, score: float) -> float:
    """By how much all gaps would have to grow for this mean score."""

    def beyond(shift: float) -> float:
        return float(special.expit(gaps + shift).mean()) - score

    if beyond(-FARTHEST) >= 0:
        return -np.inf
    if beyond(FARTHEST) <= 0:
        return np.inf
    return float(optimize.brentq(beyond, -FARTHEST, FARTHEST))  # type: ignore[arg-type]


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
