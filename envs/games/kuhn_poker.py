"""Kuhn poker: three cards, one bet; solved exactly (Kuhn 1950)."""

from __future__ import annotations

from itertools import permutations

from ..registry import game
from ..script import Script, ask, chance

CARDS = "JQK"
DEALS = tuple(permutations(CARDS, 2))
RULES = (
    "Kuhn poker. Three cards, J < Q < K; both players ante 1 and get one card. You may check or bet 1; "
    "after a bet you may fold or call. The higher card wins the pot. Each prompt shows your card, then "
    "the moves so far. Answer with one word."
)


@game(
    "kuhn-poker-v0",
    family="reference",
    roles={"first": 1, "second": 1},
    max_turns=3,
    payoff_range=(-2, 2),
    sum="zero",
    score="payoff",
    rules=RULES,
)
def kuhn_poker() -> Script:
    """Three-card poker with one bet of 1 on an ante of 1.

    Moves: check or bet; after a bet, fold or call. Payoff: the chips won, 1, or 2 after a call.
    Source: Kuhn 1950. With best play the first seat loses 1/18 a game.
    """
    first, second = DEALS[(yield from chance((1,) * len(DEALS)))]
    # The first seat's showdown; no two cards are equal, so there is no tie.
    sign = 1 if CARDS.index(first) > CARDS.index(second) else -1

    opening = yield from ask("first", first, choices=("check", "bet"))
    if opening == "check":
        if (yield from ask("second", f"{second} check", choices=("check", "bet"))) == "check":
            return {"first": sign, "second": -sign}
        # The card stands in the first seat's view already.
        called = yield from ask("first", "bet", choices=("fold", "call"))
        return (
            {"first": 2 * sign, "second": -2 * sign}
            if called == "call"
            else {"first": -1, "second": 1}
        )

    if (yield from ask("second", f"{second} bet", choices=("fold", "call"))) == "fold":
        # A bet that is not called is taken back, so the ante of 1 is all that is won.
        return {"first": 1, "second": -1}
    return {"first": 2 * sign, "second": -2 * sign}
