"""Played games as arrays: what fits and tests compute on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..results import Pair, ResultsError, ScoreKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Played:
    """N games of K places over `names` entrants; row n, column k is place k of game n.

    `entrant`, `role` and `seat` (N, K) index `names`, `roles` and `seats`; `score` (N, K) is what each
    place scored (points of a win game, or payoffs); `block` (N,) is the pair a game belongs to.
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    seats: tuple[str, ...]
    entrant: Ints
    role: Ints
    seat: Ints
    score: Floats
    block: Ints

    @property
    def places(self) -> int:
        return self.entrant.shape[1]

    def __len__(self) -> int:
        return len(self.entrant)

    @cached_property
    def turned(self) -> NDArray[np.bool_]:
        """(N,): duels in which places differ in nothing, and the later name stands first."""
        # a seat or a role of its own makes a place another game: those stay as they are
        if self.places != 2 or len(self.seats) > 1 or len(self.roles) > 1:
            return np.zeros(len(self), bool)
        return self.entrant[:, 0] > self.entrant[:, 1]

    def aligned(self) -> Played:
        """The same games with those turned round: mirrored ones are then alike."""
        if not self.turned.any():
            return self
        return replace(self, entrant=self.swapped(self.entrant), score=self.swapped(self.score))

    def swapped(self, values: NDArray[Any]) -> NDArray[Any]:
        """(N, K) values with the places of turned games exchanged."""
        if not self.turned.any():
            return values

        # turning twice gives the games as they were, so this also undoes itself
        first, second = values.T
        return np.stack(
            [np.where(self.turned, second, first), np.where(self.turned, first, second)], 1
        )


def gather(pairs: Sequence[Pair], kind: ScoreKind, names: Sequence[str] | None = None) -> Played:
    """Complete pairs as arrays, in their order; `names` fixes the entrants' order (sorted by default)."""
    if not pairs:
        raise ResultsError(
            "no complete pair to rate: play at least one block with all its seatings"
        )

    rows = [row for pair in pairs for row in pair.legs]
    if len({len(row.places) for row in rows}) > 1:
        raise ResultsError(
            "games with different numbers of places cannot share one fit: rate each apart"
        )

    seated = [place for row in rows for place in row.places]
    count = len(rows[0].places)
    # sorted, so that the order in which games arrived changes no bit of a fit
    known = tuple(names or sorted({place.entrant for place in seated}))
    roles = tuple(sorted({place.role for place in seated}))
    seats = tuple(sorted({place.seat for place in seated}))

    paid = np.array([place.payoff for place in seated], np.float64).reshape(-1, count)
    return Played(
        known,
        roles,
        seats,
        _indexed([place.entrant for place in seated], known, count),
        _indexed([place.role for place in seated], roles, count),
        _indexed([place.seat for place in seated], seats, count),
        paid if kind == "payoff" else _won(paid),
        # legs of one pair share a block, on which all errors are clustered
        np.repeat(np.arange(len(pairs)), [len(pair.legs) for pair in pairs]),
    )


def _indexed(values: Sequence[str], known: Sequence[str], count: int) -> Ints:
    at = {name: n for n, name in enumerate(known)}
    return np.array([at[value] for value in values], np.int64).reshape(-1, count)


def _won(paid: Floats) -> Floats:
    """`results.points` of wins, for all games at once: (N, K) payoffs to shares of places beaten."""
    mine, other = paid[:, :, None], paid[:, None, :]
    beaten = (mine > other).sum(2) + (mine == other).sum(2) / 2 - 0.5
    return beaten / max(1, paid.shape[1] - 1)


def duels(
    first: Ints, second: Ints, score: Floats, block: Ints | None = None, names: int = 0
) -> Played:
    """Two-place games without roles: `score` (N,) is the first's, in [0, 1]; a block each by default."""
    count = names or int(max(first.max(), second.max())) + 1

    entrant = np.stack([first, second], 1).astype(np.int64)
    nothing = np.zeros_like(entrant)
    return Played(
        tuple(str(n) for n in range(count)),
        ("player",),
        ("player",),
        entrant,
        nothing,
        nothing,
        # the two places share one point
        np.stack([score, 1.0 - score], 1),
        np.arange(len(entrant)) if block is None else block,
    )
