"""Leduc poker: six cards, two rounds of betting, one card on the board (Southey et al. 2005)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ..registry import game
from ..script import Script, ask, chance

RANKS = "JQK"
DECK = tuple(rank + suit for rank in RANKS for suit in "sh")
OTHER = {"first": "second", "second": "first"}
RULES = (
    "Leduc poker. Six cards: J < Q < K in suits s and h. Both players ante 1 and get one card; after a "
    "round of betting one card is laid open, then comes a second round. A bet or raise adds 2 in the first "
    "round and 4 in the second; at most two a round. A pair with the board wins, else the higher card; "
    "equal cards split. Each prompt shows what is new, then the moves. Answer with "
    "one of these words alone."
)


def _moves(owing: bool, more: bool) -> tuple[tuple[str, ...], str]:
    """The choices and the line that asks for one of them: `owing` chips or level, with `more` allowed."""
    choices = ("fold", "call") if owing else ("check",)
    if more:
        choices = (*choices, "raise" if owing else "bet")
    return choices, f"{', '.join(choices[:-1])} or {choices[-1]}?"


# made once: a tree walk asks tens of thousands of times
MOVES = {(owing, more): _moves(owing, more) for owing in (False, True) for more in (False, True)}


def strength(card: str, board: str) -> int:
    # A pair is lifted above every single card.
    return RANKS.index(card[0]) + (len(RANKS) if card[0] == board[0] else 0)


def betting(
    stake: int, pot: dict[str, int], news: dict[str, list[str]]
) -> Generator[Any, Any, str | None]:
    """One round, the first seat opening. Changes `pot`; returns who folded."""
    seat, raises, checked = "first", 0, False
    while True:
        other = OTHER[seat]
        # Behind in chips, a seat may not check; level with the other, it has nothing to
        # call.
        choices, asked = MOVES[pot[seat] < pot[other], raises < 2]
        told = news[seat]
        told.append(asked)
        move = yield from ask(seat, "\n".join(told), choices=choices)

        # A seat is told only what it has not seen yet; its own moves stand in its view already.
        told.clear()
        news[other].append(move)

        if move == "fold":
            return seat
        # A second check in a row ends the round, as a call does; both pots are equal
        # then.
        if move == "call" or (move == "check" and checked):
            pot[seat] = pot[other]
            return None

        if move == "check":
            checked = True
        else:
            raises += 1
            # A raise first calls what is owed.
            pot[seat] = pot[other] + stake
        seat = other


@game(
    "leduc-poker-v0",
    family="reference",
    roles={"first": 1, "second": 1},
    max_turns=8,
    payoff_range=(-13, 13),
    sum="zero",
    score="payoff",
    rules=RULES,
)
def leduc_poker(suits: bool = True) -> Script:
    """Six-card poker with two rounds of betting and one open card; `suits=False` shows ranks alone.

    Moves: check or bet; after a bet, fold, call or raise, two bets and raises a round, of 2 and then of 4.
    Payoff: the chips won from the other, 1 to 13; equal hands split.
    Source: Southey et al. 2005. With best play the first seat loses 0.0856 a game.
    """
    deck = list(DECK)
    first = deck.pop((yield from chance((1,) * len(deck))))
    second = deck.pop((yield from chance((1,) * len(deck))))
    # Suits never decide; without them the game's tree is smaller and its value the same.
    width = 2 if suits else 1
    news = {"first": [first[:width]], "second": [second[:width]]}
    pot = {"first": 1, "second": 1}

    folded = yield from betting(2, pot, news)
    if folded is None:
        board = deck.pop((yield from chance((1,) * len(deck))))
        for lines in news.values():
            lines.append(f"board {board[:width]}")
        folded = yield from betting(4, pot, news)
        if folded is None:
            ahead = strength(first, board) - strength(second, board)
            # After a call or two checks both have put in the same, so either is what the
            # loser pays.
            won = pot["first"] * ((ahead > 0) - (ahead < 0))
            return {"first": won, "second": -won}

    # Whoever folds loses what it has put in, whatever its card.
    return {folded: -pot[folded], OTHER[folded]: pot[folded]}
