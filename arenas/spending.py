"""What entrants spent and how often they forfeited, counted from rows: void games cost too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize

from .results import GameRow


@dataclass(slots=True)
class Spent:
    """One entrant's account over all its games; `forfeits` are its own, by cause."""

    tokens: float = 0.0
    seconds: float = 0.0
    cost: float = 0.0
    truncated: int = 0
    forfeits: Counter[str] = field(default_factory=lambda: Counter[str]())


def spending(rows: Iterable[GameRow]) -> Mapping[str, Spent]:
    """Every entrant's account; the accounts add up to the rows' totals.

    A row holds a game's tokens, not each entrant's. They are split by `habits`, the tokens that each
    uses in a game as all games together tell, and so are seconds and cost.
    """
    kept = tuple(rows)
    uses = habits(kept)
    accounts: dict[str, Spent] = defaultdict(Spent)
    for row in kept:
        sitting = [place.entrant for place in row.places]
        total = sum(uses[name] for name in sitting)
        for place in row.places:
            share = uses[place.entrant] / total if total > 0 else 1 / len(sitting)
            account = accounts[place.entrant]
            account.tokens += row.tokens * share
            account.seconds += row.seconds * share
            account.cost += row.cost * share
            if row.forfeited and place.seat in row.offenders:
                account.forfeits[row.status.removeprefix("forfeit_")] += 1
        for name in set(sitting):
            accounts[name].truncated += row.status == "truncated"
    return accounts


def habits(rows: Iterable[GameRow]) -> Mapping[str, float]:
    """Tokens that each entrant uses in a game: least squares, none negative, over who met whom."""
    games: Counter[tuple[str, ...]] = Counter()
    tokens: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        sitting = tuple(sorted(place.entrant for place in row.places))
        games[sitting] += 1
        tokens[sitting] += row.tokens
    names = sorted({name for sitting in games for name in sitting})
    if not names:
        return {}
    at = {name: n for n, name in enumerate(names)}
    design = np.zeros((len(games), len(names)))
    for line, (sitting, often) in enumerate(games.items()):
        for name in sitting:
            design[line, at[name]] += often**0.5
    paid = np.array([tokens[sitting] / often**0.5 for sitting, often in games.items()])
    # A faint pull to equal shares settles what the games leave open, as with two entrants alone.
    even = paid.sum() / max(1e-12, design.sum())
    pull = 1e-3 * np.eye(len(names))
    found, _ = optimize.nnls(np.vstack([design, pull]), np.concatenate([paid, pull.sum(1) * even]))
    return dict(zip(names, found.tolist(), strict=True))
