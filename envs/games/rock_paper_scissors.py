"""Rock, paper, scissors: the smallest game in which strength is a cycle (Nash ⅓ each, value 0)."""

from __future__ import annotations

from ..registry import game
from ..script import Script, ask_all

SIGNS = ("rock", "paper", "scissors")
SEATS = ("player_0", "player_1")


@game(
    "rock-paper-scissors-v0",
    family="reference",
    roles={"player": 2},
    rated="seat",
    max_turns=2,
    payoff_range=(-1, 1),
    sum="zero",
    simultaneous=True,
    score="win",
    rules=(
        "Rock, paper, scissors, shown at once. Rock beats scissors, scissors paper, paper rock. "
        "Answer with one word."
    ),
)
def rock_paper_scissors() -> Script:
    """Both show a sign at once; each sign beats one of the others.

    Moves: rock, paper or scissors. Payoff: 1 to the winner, −1 to the other, 0 for equal signs.
    Source: the folk game; its only equilibrium plays each sign one time in three.
    """
    shown = yield from ask_all(dict.fromkeys(SEATS, "rock, paper or scissors?"), choices=SIGNS)
    # Each sign beats the one before it in SIGNS, in a circle, so 2 ahead loses.
    ahead = (SIGNS.index(shown[SEATS[0]]) - SIGNS.index(shown[SEATS[1]])) % 3
    sign = (0, 1, -1)[ahead]
    return {SEATS[0]: sign, SEATS[1]: -sign}
