"""Split: two players divide a book and a hat that they value differently."""

from __future__ import annotations

from itertools import permutations

from ..registry import game
from ..script import Script, ask, chance, note, tell
from ..types import Message
from .deal_or_no_deal import OTHER, POINTS, sum_of

BOOK = (2, 4, 6, 8)
DEALS = tuple(permutations(BOOK, 2))
TALK = ("want book", "want hat", "want both")
TAKEN = {"take nothing": (0, 0), "take book": (1, 0), "take hat": (0, 1), "take both": (1, 1)}
RULES = (
    "You and another player divide a book and a hat. Together they are worth 10 points to either of you, but "
    "you value the book differently. In turn, say what you want, or take it. The other then takes unseen; if "
    "each thing is taken once, each of you gets what it took, else neither gets anything."
)


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Wants what is worth more to it, then takes it."""
    book = int(view[1].text.split()[1].rstrip(","))
    best = "book" if 2 * book > POINTS else "hat"
    spoke = any(message.speaker == "self" for message in view)
    return f"take {best}" if spoke or f"want {best}" not in choices else f"want {best}"


@game(
    "split-v0",
    family="laboratory",
    roles={"first": 1, "second": 1},
    max_turns=lambda turns: turns + 1,
    payoff_range=(-1, 2),
    sum=sum_of,
    score="payoff",
    rules=RULES,
    bounds={"turns": (1, 5), "dial": (-1, 1)},
    oracles={"sample": sample},
)
def split(turns: int = 3, dial: float = 0.0) -> Script:
    """Two players talk, then divide a book and a hat; a dial makes them selfish, partners or rivals.

    Moves, in turn: want book, hat or both (talk), or take book, hat, both or nothing, which the other
    answers unseen by taking. The book is worth 2, 4, 6 or 8 points, differently to each, the hat the rest
    of 10. Payoff: own points plus `dial` times the other's, in tenths: 1 cooperative (the sum), 0 selfish,
    −1 competitive (the difference). No deal, or none within `turns`, pays 0. Notes: agreed; points, of both
    together in tenths.
    Source: Language Model Self-Play in Non-Zero-Sum Games (Liao et al. 2024); there three kinds of items and
    free talk.
    """
    worth = dict(zip(OTHER, DEALS[(yield from chance((1,) * len(DEALS)))], strict=True))
    for seat, book in worth.items():
        yield from tell(seat, f"book {book}, hat {POINTS - book}")

    prompt, taken = "your move?", dict[str, str]()
    for turn in range(turns):
        seat = ("first", "second")[turn % 2]
        move = yield from ask(seat, prompt, choices=(*TALK, *TAKEN))
        # The other is not told what was taken, as if both took at once.
        if move in TAKEN:
            other = yield from ask(OTHER[seat], "the other takes; you?", choices=tuple(TAKEN))
            taken = {seat: move, OTHER[seat]: other}
            break
        prompt = f"the other says: {move}"

    # nothing is taken where both talked until the turns were over
    parts = {seat: TAKEN[move] for seat, move in taken.items()}
    agreed = bool(parts) and all(a + b == 1 for a, b in zip(*parts.values(), strict=True))
    own = {seat: _points(parts[seat], book) if agreed else 0.0 for seat, book in worth.items()}
    yield from note("agreed", agreed)
    yield from note("points", sum(own.values()))
    # At a dial of 1 both earn the sum, at −1 each earns the difference.
    return {seat: own[seat] + dial * own[other] for seat, other in OTHER.items()}


def _points(part: tuple[int, int], book: int) -> float:
    """What a part is worth, in tenths of all points."""
    return (part[0] * book + part[1] * (POINTS - book)) / POINTS
