"""Deal or no deal: two players divide books, hats and balls that they value differently."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import cache

from ..parse import Illegal, Unreadable, excerpt, line
from ..registry import Sum, game
from ..script import Script, ask, note, randomness, tell
from ..types import Message

ITEMS = ("books", "hats", "balls")
POINTS = 10
OTHER = {"first": "second", "second": "first"}
_PART = re.compile(r"(\d) (book|hat|ball)s?", re.IGNORECASE)
_DEAL = re.compile(r"deal[: ]+(?:\d (?:book|hat|ball)s?(?:,? and |,? |$)){3}", re.IGNORECASE)
FORM = "deal: 1 books, 0 hats, 1 balls"
"""As in the rules; legal in every task."""
RULES = (
    "You and another player divide some books, hats and balls. Each of you values them differently; all of "
    "them together are worth 10 points to either. Talk in one line a turn. When you think that you agree, "
    "answer with what you take yourself: `deal: 1 books, 0 hats, 1 balls`. The other then answers unseen; if "
    "both of you together take exactly what there is, each gets what it took, else nobody gets anything."
)


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Talks once, then claims all books as the first and all hats as the second."""
    there = re.findall(r"There are (\d) books, (\d) hats, (\d) balls", view[1].text)[0]
    if "named its deal" in view[-1].text or any(message.speaker == "self" for message in view):
        mine = (there[0], "0", "0") if seat == "first" else ("0", there[1], there[2])
        return "deal: " + ", ".join(
            f"{count} {name}" for count, name in zip(mine, ITEMS, strict=True)
        )
    return "I would like the books." if seat == "first" else "Then I take the hats."


def sum_of(dial: float = 0.0) -> Sum:
    """What the dial makes of the payoffs."""
    return "zero" if dial == -1 else "common" if dial == 1 else "general"


@game(
    "deal-or-no-deal-v0",
    family="between equals",
    roles={"first": 1, "second": 1},
    max_turns=lambda turns=10: turns + 1,
    payoff_range=(-1, 2),
    sum=sum_of,
    score="payoff",
    rules=RULES,
    bounds={"turns": (1, 100), "dial": (-1, 1)},
    oracles={"sample": sample},
)
def deal_or_no_deal(turns: int = 10, dial: float = 0.0) -> Script:
    """Two players talk, then divide books, hats and balls; a dial makes them selfish, partners or rivals.

    Moves, in turn: a line of talk, or a deal, which the other answers unseen with its own. Payoff: own
    points plus `dial` times the other's, in tenths: 1 cooperative (the sum), 0 selfish, −1 competitive
    (the difference). No deal, or none within `turns`, pays 0.
    Source: Language Model Self-Play in Non-Zero-Sum Games (Liao et al. 2024).
    """
    rng = yield from randomness()
    there, *values = rng.choice(tasks())
    worth = dict(zip(OTHER, values, strict=True))
    for seat in OTHER:
        yield from tell(
            seat,
            f"There are {_listed(there)}. To you they are worth, apiece: {_listed(worth[seat])}.",
        )

    prompt = "Your move?"
    for turn in range(turns):
        seat = ("first", "second")[turn % 2]
        move = yield from ask(seat, prompt, reader(there))
        # Talk is text, and a deal is a tuple of counts.
        if isinstance(move, str):
            prompt = f"The other says: {move}"
            continue

        # The other names its own part without seeing this one.
        ask_other = (
            f"The other has named its deal. Of {_listed(there)}, name what you take, as in: {FORM}"
        )
        reply = yield from ask(OTHER[seat], ask_other, deal(there))
        agreed = all(a + b == n for a, b, n in zip(move, reply, there, strict=True))
        yield from note("agreed", agreed)

        taken = {seat: move, OTHER[seat]: reply}
        own = {
            s: sum(map(int.__mul__, taken[s], worth[s])) / POINTS if agreed else 0.0 for s in OTHER
        }
        return {s: own[s] + dial * own[OTHER[s]] for s in OTHER}

    yield from note("agreed", False)
    return dict.fromkeys(OTHER, 0.0)


@cache
def tasks() -> list[tuple[tuple[int, ...], ...]]:
    """Every (counts, first's values, second's values) of 5 to 7 items in which all is worth 10 to both."""
    found: list[tuple[tuple[int, ...], ...]] = []
    for counts in itertools.product(range(1, 5), repeat=3):
        if 5 <= sum(counts) <= 7:
            # Up to 10 a thing: one alone may be worth all of the points.
            ways = [
                v for v in itertools.product(range(11), repeat=3) if _points(counts, v) == POINTS
            ]
            # The rules say that the two value things differently.
            found.extend((counts, a, b) for a in ways for b in ways if a != b)
    return found


def _points(counts: tuple[int, ...], values: tuple[int, ...]) -> int:
    return sum(map(int.__mul__, counts, values))


def deal(there: tuple[int, ...]) -> Callable[[str], tuple[int, ...]]:
    """A parser of deals. Raises Unreadable for other text, Illegal for more than there is."""

    def parse(text: str) -> tuple[int, ...]:
        found = _DEAL.fullmatch(text.strip(" \t\r\n.!`\"'"))
        if not found:
            raise Unreadable(f"expected a deal like {FORM}, not {excerpt(text)}")
        counts = {f"{name.casefold()}s": int(count) for count, name in _PART.findall(found[0])}
        # The pattern allows three parts of any kind, so one may come twice: the dict
        # shows it.
        if len(counts) < len(ITEMS):
            raise Unreadable(
                f"expected books, hats and balls once each, as in {FORM}, not {excerpt(text)}"
            )

        taken = tuple(counts[item] for item in ITEMS)
        if any(a > n for a, n in zip(taken, there, strict=True)):
            raise Illegal(f"there are only {_listed(there)}; name no more, as in {FORM}")
        return taken

    return parse


def reader(there: tuple[int, ...]) -> Callable[[str], tuple[int, ...] | str]:
    """A parser of a deal, or of one line of talk of at most 300 characters."""

    def parse(text: str) -> tuple[int, ...] | str:
        said = line(text)
        # What begins as a deal must be one: a misspelt deal is refused and not passed on
        # as talk.
        return deal(there)(said) if said.casefold().startswith("deal:") else said

    return parse


def _listed(counts: tuple[int, ...]) -> str:
    return ", ".join(f"{count} {name}" for count, name in zip(counts, ITEMS, strict=True))
