"""Who is ahead of whom, from the transcripts of a store as they come.

Numbers of games in progress: means with Student's t over seeds, each cell by itself. The report's ratings,
which model all games at once, are made when the games are done.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean
from typing import Any, Final

from sparring.arenas.report.text import line
from sparring.envs.types import Episode

MOST: Final = 24
"""Entrants of a table; further ones are counted, not shown."""
_SEEDS: Final = 4096


@dataclass(slots=True)
class Cell:
    """What an entrant was paid against another: by seed, the sum and the number of its games."""

    games: int = 0
    total: float = 0.0
    seeds: dict[tuple[int, int], tuple[float, int]] = field(
        default_factory=dict[tuple[int, int], tuple[float, int]]
    )
    known: tuple[int, float | None] = (0, None)
    """The margin after so many games: most cells of a table have no news."""

    def add(self, seed: tuple[int, int], amount: float) -> None:
        self.games += 1
        self.total += amount
        # beyond so many the interval no longer needs them: the newest are kept
        if seed not in self.seeds and len(self.seeds) >= _SEEDS:
            del self.seeds[next(iter(self.seeds))]
        total, count = self.seeds.get(seed, (0.0, 0))
        self.seeds[seed] = total + amount, count + 1

    def margin(self) -> float | None:
        """Half the width of the 95 % interval of the mean; None where nothing can be said of it."""
        if self.known[0] != self.games:
            self.known = self.games, self._margin()
        return self.known[1]

    def _margin(self) -> float | None:
        means = [total / count for total, count in self.seeds.values()]
        if len(means) < 2:
            return None
        centre = fmean(means)
        spread = math.sqrt(sum((m - centre) ** 2 for m in means) / (len(means) - 1))
        return spread / math.sqrt(len(means)) * student(len(means) - 1) if spread else None


class Standings:
    """The table of a store. `version` grows with each game."""

    def __init__(self) -> None:
        self.games = 0
        self.game = ""
        self._names: dict[str, str] = {}
        self._cells: dict[tuple[str, str], Cell] = {}
        self._forfeits: dict[str, int] = {}
        self._totals: dict[str, tuple[float, int]] = {}

    def add(self, episode: Episode) -> None:
        """Count a game: each seat by itself; a role of several seats is left to the report."""
        self.games += 1
        self.game = episode.game.label
        who = {seat: ref.id for seat, ref in episode.seats.items()}
        self._names |= {ref.id: ref.name for ref in episode.seats.values()}

        for seat in episode.ending.seats if episode.ending.kind == "forfeit" else ():
            self._forfeits[who.get(seat, "")] = self._forfeits.get(who.get(seat, ""), 0) + 1
        key = episode.seed, episode.replicate
        for seat, amount in episode.payoff.items():
            mine = who.get(seat, "")
            total, count = self._totals.get(mine, (0.0, 0))
            self._totals[mine] = total + amount, count + 1
            for other in {id for place, id in who.items() if place != seat and id != mine}:
                self._cells.setdefault((mine, other), Cell()).add(key, amount)

    def table(self) -> dict[str, Any]:
        """Rows from the best mean down: name, mean over all its games, and a cell for every other."""
        means = {one: total / count for one, (total, count) in self._totals.items()}
        order = sorted(means, key=lambda one: (-means[one], one))[:MOST]
        rows = [
            {
                "name": line(self._names.get(one, one), 60),
                "mean": round(means[one], 4),
                "games": self._totals[one][1],
                "forfeits": self._forfeits.get(one, 0),
                "cells": [self._told(one, other) for other in order],
            }
            for one in order
        ]
        return {
            "game": line(self.game),
            "games": self.games,
            "rows": rows,
            "left_out": len(means) - len(order),
        }

    def _told(self, one: str, other: str) -> list[Any] | None:
        cell = self._cells.get((one, other))
        if cell is None or one == other:
            return None
        margin = cell.margin()
        return [
            round(cell.total / cell.games, 4),
            None if margin is None else round(margin, 4),
            cell.games,
        ]


@cache
def student(freedom: int) -> float:
    """Student's t at 97.5 % for so many degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))
