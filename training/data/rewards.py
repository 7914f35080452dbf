"""Turn credit: what each of a seat's turns is credited with.

What a proposer earns for a task is part of its game (`envs/tasks/pay.py`), chosen by the game's `reward`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..config import Spread


def returns(payoff: float, credits: Sequence[float], spread: Spread) -> list[float]:
    """What each of a seat's turns is credited with, in turn order.

    `terminal`: the payoff. `to_go`: the payoff and all credits from this turn on. `turn`: the payoff
    and this turn's credits.
    """
    if len(credits) == 1 and spread != "terminal":
        return [payoff + credits[0]]
    if spread == "terminal":
        return [payoff] * len(credits)
    if spread == "turn":
        return [payoff + credit for credit in credits]
    total, gathered = payoff, [0.0] * len(credits)
    for index in range(len(credits) - 1, -1, -1):
        total += credits[index]
        gathered[index] = total
    return gathered
