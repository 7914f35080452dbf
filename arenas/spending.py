"""What entrants spent and how often they forfeited, counted from rows: void games cost too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .results import GameRow


def games_of(rows: Sequence[GameRow], name: str) -> list[GameRow]:
    """The rows in which the entrant sat anywhere."""
    return [row for row in rows if any(place.entrant == name for place in row.places)]


def forfeits_of(rows: Sequence[GameRow], name: str) -> dict[str, int]:
    """The entrant's own forfeits, by cause."""
    return dict(
        Counter(
            row.status.removeprefix("forfeit_")
            for row in rows
            if row.forfeited
            for place in row.places
            if place.entrant == name and place.seat in row.offenders
        )
    )


def spent(rows: Sequence[GameRow], name: str) -> tuple[int, float, float]:
    """Tokens of the entrant's places, and its share of each game's seconds and cost: void games too."""
    tokens, seconds, cost = 0, 0.0, 0.0
    for row in rows:
        mine = [place for place in row.places if place.entrant == name]
        if not mine:
            continue
        own, total = sum(place.tokens for place in mine), sum(place.tokens for place in row.places)
        share = own / total if total else len(mine) / len(row.places)
        tokens += own
        seconds += row.seconds * share
        cost += row.cost * share
    return tokens, seconds, cost
