"""A mixture of policies as one policy: who draws one of them before the game plays like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .exact import Behaviour, Odds, Tree, ViewKey


def mixture(
    walked: Tree, policies: Sequence[Behaviour], weights: Sequence[float]
) -> dict[ViewKey, Odds]:
    """The odds of a seat that draws one policy by `weights` as the game begins, and keeps to it.

    Every seat draws for itself. Plans are linear in what is mixed (Kuhn 1953), so that of the mixture is
    their mean; what no drawn policy ever reaches is uniform. Raises TreeError where a policy misses odds.
    """
    plans = [walked.plan(policy) for policy in policies]
    plan = np.average(plans, axis=0, weights=weights)

    found: dict[ViewKey, Odds] = {}
    for spot in walked.spots:
        count = len(spot.info.choices)
        own, reached = plan[spot.start : spot.start + count], plan[spot.parent]
        odds = own / reached if reached > 0 else np.full(count, 1 / count)
        found[spot.info.key] = tuple((odds / odds.sum()).tolist())
    return found
