"""What a game cost, seat by seat: tokens, seconds, and money where tokens have a price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..envs.types import Episode


@dataclass(frozen=True, slots=True)
class Price:
    """What an entrant's tokens cost, per million, in one unit for the whole run."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0


class Bill(NamedTuple):
    """Tokens read and written, the seconds that the answers took, and the cost in the unit of the prices."""

    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    cost: float = 0.0


NOTHING: Final = Bill()


@dataclass(frozen=True)
class Bills:
    """A game's bills by seat. A seat that never answered has none."""

    seats: Mapping[str, Bill] = field(default_factory=dict[str, Bill])

    def of(self, seats: Iterable[str]) -> Bill:
        """The bill of several seats together."""
        mine = [self.seats[seat] for seat in seats if seat in self.seats]
        # the usual case: most places are one seat
        if len(mine) == 1:
            return mine[0]
        return Bill(*map(sum, zip(*mine, strict=True))) if mine else NOTHING


NONE: Final = Bills()


def bills(episode: Episode, entrants: Mapping[str, str], prices: Mapping[str, Price]) -> Bills:
    """The bills of an episode; `entrants` by seat, `prices` by entrant, and who has none costs nothing."""
    if not episode.turns:
        return NONE
    read: dict[str, int] = {}
    wrote: dict[str, int] = {}
    for turn in episode.turns:
        reply = turn.reply
        into, out = reply.used or (len(reply.prompt_tokens), len(reply.tokens))
        read[turn.seat] = read.get(turn.seat, 0) + into
        wrote[turn.seat] = wrote.get(turn.seat, 0) + out

    found: dict[str, Bill] = {}
    for seat, tokens in read.items():
        price = prices.get(entrants[seat])
        cost = (price.tokens_in * tokens + price.tokens_out * wrote[seat]) / 1e6 if price else 0.0
        found[seat] = Bill(tokens, wrote[seat], episode.seconds.get(seat, 0.0), cost)
    return Bills(found)
