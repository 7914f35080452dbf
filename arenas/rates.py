"""How a learner of a league fares against an opponent, in games rated by wins and by payoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .pfsp import shrunk


class Told(NamedTuple):
    """What one game told of an entrant: its points in [0, 1], and what it won of what was at stake.

    A won game is 1 point of 1, a draw ½ of 1. In payoff games the points say where in the game's
    `payoff_range` the payoff lies; the stake is the distance to the others' mean payoff, in payoff units.
    """

    points: float
    won: float
    stake: float


@dataclass(frozen=True, slots=True)
class Rate:
    """How a learner fares against an opponent: `score` points, and `part` of the stakes, in `games`.

    `value` and `share` are in (0, 1), under Beta(½, ½). For games rated by wins both are the win rate. In
    payoff games `value` is the mean payoff within the game's `payoff_range`, of which PFSP makes weights;
    `share` is ½ where two are level, whatever a game pays, so that thresholds can be put on it.
    """

    score: float
    games: int
    part: float = 0.5

    @property
    def value(self) -> float:
        return shrunk(self.score, self.games)

    @property
    def share(self) -> float:
        return shrunk(self.part * self.games, self.games)
