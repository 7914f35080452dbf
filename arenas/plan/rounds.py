"""What a tournament plays, round by round: groups from a schedule, as blocks whose seeds do not collide.

A block's seed depends on its purpose, the run's seed, who plays, and how often they have met: never on
who else takes part. So a tournament that grows keeps the games that it has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from ...envs.registry import Game
from ...envs.seeds import bits
from ..fixture import Purpose, places
from ..ratings.arrays import gather
from ..ratings.fit import FitError, fit
from ..ratings.spending import expected, spending
from ..results import Block, GameRow, Seating, complete, points
from ..transcript import canonical
from .information import next_pairs
from .schedule import Group, crossed, gauntlet, ladder, round_robin, seatings, swiss

Schedule: TypeAlias = Literal["round-robin", "gauntlet", "ladder", "swiss", "information"]
ADAPTIVE: Final = ("swiss", "information")
"""Schedules whose next round depends on the results of the last."""
CHEAPEST: Final = 0.25
"""The least that a pair is taken to cost, as a share of the usual."""
Ancestry: TypeAlias = Mapping[str, Sequence[str]]


def seed_of(*parts: object) -> int:
    """A seed that depends on its parts alone: purpose, run, entrants, index. 62 bits, as SQLite likes."""
    return bits(canonical(parts), 62)


def block(
    purpose: Purpose, seed: int, group: Sequence[str], index: int, seats: Sequence[Seating] = ()
) -> Block:
    """The `index`th block of a group, whatever order its members are named in."""
    who = tuple(sorted(group))
    return Block(index, seed_of(purpose, seed, who, index), 0, who, tuple(seats))


def seatings_of(game: Game, group: Sequence[str]) -> tuple[Seating, ...]:
    """Who sits where in the games of a block of this group."""
    return (crossed if game.rated == "crossed" else seatings)(group, places(game))


class Issue:
    """Makes blocks of groups, counting how often each has met; `order` is that count, not a running one."""

    def __init__(self, game: Game, seed: int = 0, purpose: Purpose = "rating") -> None:
        self._game = game
        self._seed = seed
        self._purpose: Purpose = purpose
        self._met: Counter[Group] = Counter()

    def __call__(self, groups: Iterable[Group]) -> Iterator[Block]:
        for group in groups:
            who = tuple(sorted(group))
            # counted for each group alone: other entrants change no seed of it
            index = self._met[who]
            self._met[who] += 1
            yield block(self._purpose, self._seed, who, index, seatings_of(self._game, who))


def rounds(
    schedule: Schedule,
    game: Game,
    names: Sequence[str],
    pairs: int,
    ancestry: Ancestry | None = None,
) -> Generator[list[Group], Sequence[GameRow], None]:
    """The groups of each round; send the rows of all games issued so far to get the next.

    `pairs` is how often each planned pair meets: in a round robin each cell, in a gauntlet the first
    named against each other, in a ladder each against all its ancestors (`ancestry`; by default all
    that are named before it), in Swiss the number of rounds, and by information as many pairs in all as
    a round robin has.
    """
    match schedule:
        case "round-robin":
            yield list(round_robin(names, pairs, len(places(game))))

        case "gauntlet":
            yield list(gauntlet(names[:1], names[1:], pairs))

        case "ladder":
            # without an ancestry the order of the names is the order of descent
            older = ancestry or {name: names[:n] for n, name in enumerate(names)}
            yield list(ladder(older, pairs))

        case "swiss":
            yield from _swiss(game, names, pairs)

        case "information":
            yield from _information(game, names, pairs * len(names) * (len(names) - 1) // 2)


def size(schedule: Schedule, game: Game, names: Sequence[str], pairs: int) -> int:
    """How many blocks an adaptive schedule plays."""
    return (
        pairs * (len(names) // 2)
        if schedule == "swiss"
        else pairs * len(names) * (len(names) - 1) // 2
    )


def _swiss(
    game: Game, names: Sequence[str], count: int
) -> Generator[list[Group], Sequence[GameRow], None]:
    played: list[Group] = []
    scores = dict.fromkeys(names, 0.0)
    for _ in range(count):
        groups = list(swiss(scores, played))
        played += groups
        rows = yield groups
        # the rows are those of all rounds so far, so sums start anew
        scores = dict.fromkeys(names, 0.0)
        # a game of a crossed block alone says nothing: its duels do
        counted = rows
        if game.rated == "crossed":
            counted = [leg for pair in complete(rows) for leg in pair.legs]
        for row in counted:
            for place, score in zip(row.places, points(row, game.score or "win"), strict=True):
                scores[place.entrant] += score


def _information(
    game: Game, names: Sequence[str], count: int
) -> Generator[list[Group], Sequence[GameRow], None]:
    """A round is as many pairs as there are entrants: the fit is then worth its time.

    A pair costs what its two entrants have used in a game so far, but never less than a share of what is
    usual: scripted players cost no tokens, and would else meet each other only.
    """
    kind = game.score or "win"

    low, high = game.payoff_range
    rows: Sequence[GameRow] = ()
    while count > 0:
        some = min(count, len(names))
        try:
            pairs = complete(rows)
            fitted = fit(gather(pairs, kind), kind) if pairs else None
        except FitError:
            fitted = None  # too little is known yet: every entrant is as vague as a newcomer

        uses = expected(spending(rows), names)

        # a pair has two entrants, so the floor is a share of twice the usual
        cost = np.maximum(np.add.outer(uses, uses), max(1.0, CHEAPEST * 2 * sum(uses) / len(uses)))

        # payoffs are taken to spread by a quarter of their range, as in `power.assumed`
        chosen = next_pairs(
            names, some, fitted=fitted, kind=kind, variance=(high - low) ** 2 / 16, tokens=cost
        )
        count -= some
        rows = yield chosen
