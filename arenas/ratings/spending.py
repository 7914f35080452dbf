"""What entrants spent and how often they forfeited, counted from rows: void games cost too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..results import GameRow, Tokens


@dataclass(slots=True)
class Spent(Tokens):
    """One entrant's account over all its games: its own tokens, seconds, cost and forfeits, by cause."""

    games: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    truncated: int = 0
    forfeits: Counter[str] = field(default_factory=lambda: Counter[str]())

    @property
    def tokens_a_game(self) -> float:
        return self.tokens / self.games if self.games else 0.0


def expected(accounts: Mapping[str, Spent], names: Iterable[str]) -> list[float]:
    """Tokens that each is expected to use in a game: its own mean, or that of all where it never played."""
    games = sum(account.games for account in accounts.values())
    usual = sum(account.tokens for account in accounts.values()) / games if games else 0.0
    return [accounts[name].tokens_a_game if name in accounts else usual for name in names]


def spending(rows: Iterable[GameRow]) -> Mapping[str, Spent]:
    """Every entrant's account. They add up to the rows' totals, but for what judges used."""
    accounts: dict[str, Spent] = defaultdict(Spent)
    for row in rows:
        for place in row.places:
            # an entrant in several places pays for each of them
            account = accounts[place.entrant]
            account.tokens_in += place.tokens_in
            account.tokens_out += place.tokens_out
            account.seconds += place.seconds
            account.cost += place.cost

            # a forfeit is the offender's, not its opponents'
            if row.forfeited and place.seat in row.offenders:
                account.forfeits[row.status.removeprefix("forfeit_")] += 1

        # an entrant in several places of a game has played it once
        for name in {place.entrant for place in row.places}:
            accounts[name].games += 1
            accounts[name].truncated += row.status == "truncated"
    return accounts
