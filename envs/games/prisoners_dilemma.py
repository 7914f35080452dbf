"""The prisoner's dilemma, repeated a known number of times: what is best for each is worst for both."""

from __future__ import annotations

from collections.abc import Sequence

from ..registry import game
from ..script import Script, ask_all
from ..types import Message

MOVES = ("cooperate", "defect")
SEATS = ("player_0", "player_1")
PAYS = {
    ("cooperate", "cooperate"): (3, 3),
    ("cooperate", "defect"): (0, 5),
    ("defect", "cooperate"): (5, 0),
    ("defect", "defect"): (1, 1),
}
OPENING = "Cooperate or defect?"


def tit_for_tat(seat: str, messages: Sequence[Message], choices: Sequence[str]) -> str:
    """Cooperates first, then does what the other did last (Axelrod 1984)."""
    said = [m.text for m in messages if m.speaker == "game" and m.text.startswith("The other did ")]
    return said[-1].removeprefix("The other did ").split(".")[0] if said else "cooperate"


def always_defect(seat: str, messages: Sequence[Message], choices: Sequence[str]) -> str:
    """The dominant move, and by backward induction the only equilibrium of the repeated game."""
    return "defect"


@game(
    "prisoners-dilemma-v0",
    family="reference",
    roles={"player": 2},
    rated="seat",
    max_turns=lambda rounds: 2 * rounds,
    payoff_range=lambda rounds: (0, 5 * rounds),
    sum="general",
    simultaneous=True,
    score="payoff",
    rules=lambda rounds: (
        f"The prisoner's dilemma, {rounds} rounds, both moves at once. Both cooperate: 3 points each. "
        "Both defect: 1 each. One defects: 5 for it, 0 for the other. Answer with one word."
    ),
    bounds={"rounds": (1, 1000)},
    oracles={"tit-for-tat": tit_for_tat, "always-defect": always_defect},
)
def prisoners_dilemma(rounds: int = 5) -> Script:
    """Cooperate or defect, both at once, for a number of rounds; the points add up.

    Moves: cooperate or defect. Payoff, a round: 3 each, 1 each, or 5 to the one that defects alone and 0 to
    the other. Source: Flood and Dresher 1950, the repeated game as in Axelrod 1984.
    """
    total: dict[str, float] = dict.fromkeys(SEATS, 0)
    prompts: dict[str, str] = dict.fromkeys(SEATS, OPENING)

    for _ in range(rounds):
        moves = yield from ask_all(prompts, choices=MOVES)
        for seat, pay in zip(SEATS, PAYS[moves[SEATS[0]], moves[SEATS[1]]], strict=True):
            total[seat] += pay

        others = zip(SEATS, reversed(SEATS), strict=True)
        # Only the other's move is told: a seat's own stands in its view.
        prompts = {seat: f"The other did {moves[other]}. {OPENING}" for seat, other in others}
    return total
