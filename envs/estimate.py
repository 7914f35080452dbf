"""How exploitable a policy is whose odds are only known by samples, as those of one that thinks are.

At each information set the odds are drawn K times, each draw without bias for the policy's own odds. The
best response to a mean of draws is worth too much: it answers their noise. So it is picked on one half of
the draws and valued on the other half, which gives a lower bound without bias, for payoffs are linear in the
odds at every information set and no history meets one twice. The best response to all draws, valued on the
same draws, gives an upper bound: a maximum is convex, so noise only adds to its mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from .exact import Behaviour, Floats, Odds, Tree, TreeError, seated
from .infosets import ViewKey, where

Draws = Mapping[ViewKey, Floats]
"""Odds of each information set, drawn K times: shape (K, choices), in the order of its choices."""
SURE = 0.975
_UNSEEN = 0.05
LEAST = 4
"""Draws at each information set: two in each half, so that a half has a variance."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """NashConv of a policy known by draws.

    value:        the lower bound, the mean over both ways to split the draws.
    low, high:    an interval of 95 % for NashConv itself, from the lower bound and the upper bound.
    improvements: what each player is shown to gain alone; negative where the draws do not show any gain.
    draws:        at each information set.
    """

    value: float
    low: float
    high: float
    improvements: Mapping[str, float]
    draws: int


def means(draws: Draws) -> dict[ViewKey, Odds]:
    """The mean odds at every information set."""
    return {key: each.mean(axis=0).tolist() for key, each in draws.items()}


def estimate(walked: Tree, draws: Draws) -> Estimate:
    """Bounds of the policy's NashConv. Raises TreeError where an information set lacks draws."""
    counts = {len(draws[info.key]) if info.key in draws else 0 for info in walked.infosets}
    if min(counts) < LEAST:
        info = min(walked.infosets, key=lambda info: len(draws.get(info.key, ())))
        raise TreeError(
            f"{min(counts)} draws at {where(info)}; an estimate of NashConv needs {LEAST} at each"
        )

    # every second draw: neighbours of one stream of noise fall into different halves
    halves = [{key: each[start::2] for key, each in draws.items()} for start in (0, 1)]
    folds = [
        _valued(walked, answers, held)
        for answers, held in zip(halves, reversed(halves), strict=True)
    ]
    gains = {p: sum(fold.gains[p] for fold in folds) / 2 for p in walked.game.players}
    lower = sum(gains.values())
    error = math.sqrt(sum(fold.variance for fold in folds)) / 2

    upper = _valued(walked, draws, draws)
    top = sum(upper.gains.values()) + _wide(min(counts)) * math.sqrt(upper.variance)
    low = lower - _wide(min(counts) // 2) * error
    return Estimate(lower, max(0.0, low), top, gains, min(counts))


def _wide(draws: int) -> float:
    """Standard errors to either side: Student's t, for a rare thought is missing among a few draws."""
    return float(stdtrit(draws - 1, SURE))


@dataclass(frozen=True, slots=True)
class _Fold:
    """Gains of best responses to some draws, valued on others, and the variance of their sum."""

    gains: Mapping[str, float]
    variance: float


def _valued(walked: Tree, answered: Draws, held: Draws) -> _Fold:
    to, mean = means(answered), means(held)
    own = walked.values(mean)

    gains: dict[str, float] = {}
    slopes: dict[ViewKey, Floats] = {key: np.zeros(len(odds)) for key, odds in mean.items()}
    everyone: Behaviour = seated(dict.fromkeys(walked.game.seats, mean))
    for player in walked.game.players:
        chosen = walked.best_response(player, to).choices
        rest = {seat: mean for seat in walked.game.seats if seat != player}
        profile = seated({player: _pure(walked, chosen), **rest})
        gains[player] = walked.values(profile)[player] - own[player]

        # the answer stands still, so only the others' odds move its value
        for seat in rest:
            _add(slopes, slope(walked, seat, player, profile, mean), 1.0)
        for seat in walked.game.seats:
            _add(slopes, slope(walked, seat, player, everyone, mean), -1.0)

    # draws of different information sets are independent, so their variances add
    return _Fold(gains, sum(_variance(each, slopes[key]) for key, each in held.items()))


def _variance(draws: Floats, slope: Floats) -> float:
    """The variance of the value by the mean odds of one information set.

    A twentieth of a draw, spread evenly over the choices, stands for thoughts that did not come: a few draws
    show nothing of a rare one, which may change a move entirely (as Agresti and Coull 1998 for counts).
    """
    count = len(draws)
    worth = draws @ slope
    unseen = _UNSEEN * float(((slope - worth.mean()) ** 2).mean())
    return float((((worth - worth.mean()) ** 2).sum() + unseen) / (count - 1) / count)


def slope(
    walked: Tree, seat: str, player: str, profile: Behaviour, odds: Mapping[ViewKey, Odds]
) -> dict[ViewKey, Floats]:
    """How the payoff of `player` moves with the odds of `seat`, which plays `odds` in this profile."""
    column, paid = walked.game.seats.index(seat), walked.game.players.index(player)
    plan = walked.plan(profile)
    others = np.delete(plan[walked.last], column, axis=1).prod(axis=1)
    gain = walked.chance * others * walked.payoff[:, paid]
    worth: list[float] = np.bincount(walked.last[:, column], gain, walked.sequences).tolist()

    found: dict[ViewKey, Floats] = {}
    # children stand behind their parents, so backward each is whole before it is passed on
    for spot in reversed(walked.spots):
        if spot.info.seat != seat:
            continue
        options = worth[spot.start : spot.start + len(spot.info.choices)]
        chances = odds[spot.info.key]
        worth[spot.parent] += sum(p * x for p, x in zip(chances, options, strict=True))
        found[spot.info.key] = plan[spot.parent] * np.array(options)
    return found


def _pure(walked: Tree, chosen: Mapping[ViewKey, str]) -> dict[ViewKey, Odds]:
    return {
        info.key: [float(choice == chosen[info.key]) for choice in info.choices]
        for info in walked.infosets
        if info.key in chosen
    }


def _add(total: dict[ViewKey, Floats], more: Mapping[ViewKey, Floats], sign: float) -> None:
    for key, each in more.items():
        total[key] += sign * each
