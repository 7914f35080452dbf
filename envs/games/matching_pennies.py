"""Matching pennies: the smallest game whose only equilibrium is mixed (½, ½; value 0)."""

from __future__ import annotations

from ..registry import game
from ..script import Script, ask_all

SIDES = ("heads", "tails")
RULES = (
    "Matching pennies. Both players show a side at once; you win if the sides {}. "
    "Answer with one word: heads or tails."
)


@game(
    "matching-pennies-v0",
    family="reference",
    roles={"even": 1, "odd": 1},
    max_turns=2,
    payoff_range=(-1, 1),
    sum="zero",
    simultaneous=True,
    score="win",
    rules={"even": RULES.format("are equal"), "odd": RULES.format("differ")},
)
def matching_pennies() -> Script:
    """Both show a side of a coin at once: equal sides pay the one, different sides the other.

    Moves: heads or tails. Payoff: 1 to the winner, −1 to the other. Source: von Neumann 1928; value 0.
    """
    shown = yield from ask_all(dict.fromkeys(("even", "odd"), "heads or tails?"), choices=SIDES)
    sign = 1 if shown["even"] == shown["odd"] else -1
    return {"even": sign, "odd": -sign}
