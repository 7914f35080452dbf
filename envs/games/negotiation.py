"""Negotiation: two players with private values trade two resources."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ..parse import Illegal, Unreadable, excerpt
from ..registry import ParameterError, game
from ..script import Script, ask, note, randomness, tell
from ..types import Message

GOODS = ("wood", "gold")
OTHER = {"first": "second", "second": "first"}
PAYS = ("margin", "sign")
_OFFER = re.compile(r"offer (\d{1,4}) (wood|gold) for (\d{1,4}) (wood|gold)", re.IGNORECASE)
RULES = (
    "You trade wood and gold with another player. Each of you values them differently, and only you know "
    "your values. You score by how much the value of what you hold changes; the other's gain counts "
    "against you. Answer with one line: `offer 2 wood for 1 gold` (you give the first and want the second), "
    "`accept` (the other's last offer), or `pass`."
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the offering player gives and wants."""

    give: int
    given: str
    want: int
    wanted: str

    def __str__(self) -> str:
        return f"{self.give} {self.given} for {self.want} {self.wanted}"


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Accepts whatever is a gain by its own values; else offers one of what it values less."""
    numbers = [
        int(n) for n in re.findall(r"You value wood at (\d+) and gold at (\d+)", view[1].text)[0]
    ]
    value: dict[str, int] = dict(zip(GOODS, numbers, strict=True))
    if found := _OFFER.search(view[-1].text):
        give, given, want, wanted = found.groups()
        # The other gives what this seat would get, and wants what it would lose.
        if int(give) * value[given] > int(want) * value[wanted]:
            return "accept"
    worse, better = sorted(GOODS, key=lambda good: value[good])
    return f"offer 1 {worse} for 1 {better}"


def _range(pay: str) -> tuple[float, float]:
    if pay not in PAYS:
        raise ParameterError(f"negotiation-v0: pay is margin or sign, not {pay!r}")
    return (-1, 1)


@game(
    "negotiation-v0",
    family="between equals",
    roles={"first": 1, "second": 1},
    max_turns=lambda turns=10: turns,
    payoff_range=_range,
    sum="zero",
    score="payoff",
    rules=RULES,
    bounds={"turns": (1, 100)},
    oracles={"sample": sample},
)
def negotiation(turns: int = 10, pay: str = "margin") -> Script:
    """Two players with private values trade wood and gold for `turns` turns.

    Moves, in turn: offer, accept or pass. An offer is legal exactly when the one who makes it holds what it
    gives and the other holds what it wants; an offer stands until the next move.
    Payoff: the change of one's own inventory value less the other's, over what everything there is would be
    worth to both together; the other gets the opposite. `pay="sign"` pays its sign, 1, 0 or −1.
    Source: SPIRAL (Liu et al. 2025), whose simple negotiation comes from TextArena.
    """
    rng = yield from randomness()
    held = {seat: {good: rng.randint(5, 15) for good in GOODS} for seat in OTHER}
    value = {seat: {"wood": rng.randint(5, 10), "gold": rng.randint(10, 20)} for seat in OTHER}
    # Taken before any trade; trades move goods and never make or lose any.
    all_goods = {good: held["first"][good] + held["second"][good] for good in GOODS}
    before = {seat: _worth(held[seat], value[seat]) for seat in OTHER}
    for seat in OTHER:
        yield from tell(
            seat,
            f"You value wood at {value[seat]['wood']} and gold at {value[seat]['gold']} apiece.",
        )

    standing: Offer | None = None
    news = ""
    for turn in range(turns):
        seat = ("first", "second")[turn % 2]
        other = OTHER[seat]
        # Inventories are open, values are not: an offer can be checked, its worth to the
        # other not.
        prompt = f"{news}You hold {_listed(held[seat])}; the other holds {_listed(held[other])}. Your move?"
        move = yield from ask(seat, prompt, reader(held[seat], held[other], standing))
        if isinstance(move, Offer):
            # A counter-offer takes the place of the offer that it answers.
            standing, news = move, f"The other offers {move}. "
            continue

        # Seats move in turn, so a standing offer is always the other's.
        if move == "accept" and standing:
            _trade(held[other], held[seat], standing)
            yield from note("trade", str(standing))
        news = f"The other says {move}. "
        # Accepted or passed, an offer is gone: it cannot be accepted twice.
        standing = None

    # Divided by what everything is worth to both, a margin lies between −1 and 1.
    gain = {seat: _worth(held[seat], value[seat]) - before[seat] for seat in OTHER}
    margin = gain["first"] - gain["second"]
    if pay == "sign":
        won = (margin > 0) - (margin < 0)
        return {"first": won, "second": -won}
    share = margin / sum(_worth(all_goods, value[seat]) for seat in OTHER)
    return {"first": share, "second": -share}


def reader(
    mine: dict[str, int], theirs: dict[str, int], standing: Offer | None
) -> Callable[[str], Offer | str]:
    """A parser of moves. Raises Unreadable for other text and Illegal for what nobody holds."""

    def parse(text: str) -> Offer | str:
        line = text.strip(" \t\r\n.!`\"'").casefold()
        if line == "pass" or (line == "accept" and standing):
            return line
        # Told apart from text that cannot be read, so that the seat learns why it is
        # refused.
        if line == "accept":
            raise Illegal("there is no offer to accept")

        found = _OFFER.fullmatch(line)
        if not found:
            raise Unreadable(
                f"expected `offer 2 wood for 1 gold`, `accept` or `pass`, not {excerpt(text)}"
            )

        offer = Offer(int(found[1]), found[2], int(found[3]), found[4])
        # One side may be 0, which is a gift; both would be a pass in disguise.
        if offer.given == offer.wanted or offer.give + offer.want == 0:
            raise Illegal(f"an offer trades one good for the other, not {offer}")

        if offer.give > mine[offer.given] or offer.want > theirs[offer.wanted]:
            raise Illegal(
                f"you hold {_listed(mine)} and the other {_listed(theirs)}; not enough for {offer}"
            )
        return offer

    return parse


def _trade(giver: dict[str, int], taker: dict[str, int], offer: Offer) -> None:
    for one, two, good, count in (
        (giver, taker, offer.given, offer.give),
        (taker, giver, offer.wanted, offer.want),
    ):
        one[good] -= count
        two[good] += count


def _worth(held: dict[str, int], value: dict[str, int]) -> int:
    return sum(held[good] * value[good] for good in GOODS)


def _listed(held: dict[str, int]) -> str:
    return " and ".join(f"{held[good]} {good}" for good in GOODS)
