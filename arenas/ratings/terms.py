"""From played games to terms over utilities: s_iρ = θ_i + δ_iρ, seat offsets, draws and rankings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
from scipy import sparse

from .arrays import Floats, Ints, Played
from .likelihood import Choices, Duels, Payoffs
from .newton import Sparse


@dataclass(frozen=True)
class Layout:
    """Where each parameter stands in β: θ of each entrant, δ by entrant and role, offsets, log ν.

    δ exists only where the game has several roles, an offset only where it has several seats. With two
    places there is one offset for each pair of seats; with more, one for each seat but the first.
    """

    entrants: int
    roles: int
    offsets: int
    davidson: bool

    @property
    def deltas(self) -> slice:
        return slice(self.entrants, self.entrants * (1 + self.roles * (self.roles > 1)))

    @property
    def shifts(self) -> slice:
        return slice(self.deltas.stop, self.deltas.stop + self.offsets)

    @property
    def size(self) -> int:
        return self.shifts.stop + self.davidson

    def strength(self, role: int | None = None) -> Sparse:
        """(entrants, P): what maps β to all ratings, over all roles or as one of them."""
        own = np.arange(self.entrants)
        columns = [own]
        values = [np.ones(self.entrants)]

        if self.roles > 1 and role is not None:
            columns.append(self.deltas.start + own * self.roles + role)
            values.append(np.ones(self.entrants))
        elif self.roles > 1:
            # over all roles a rating has the mean of its δ
            for every in range(self.roles):
                columns.append(self.deltas.start + own * self.roles + every)
                values.append(np.full(self.entrants, 1 / self.roles))

        rows = np.tile(own, len(columns))
        entries = (np.concatenate(values), (rows, np.concatenate(columns)))
        return sparse.csr_array(entries, (self.entrants, self.size))


@dataclass(frozen=True)
class Cells:
    """Games grouped by who sat where: `cell` (N,) of each game; `entrant`, `role`, `seat` (C, K)."""

    cell: Ints
    entrant: Ints
    role: Ints
    seat: Ints


@dataclass(frozen=True)
class Model:
    """Played games under a layout; builds the loss to fit."""

    played: Played
    davidson: bool = False

    @cached_property
    def cells(self) -> Cells:
        game, seats = self.played, len(self.played.seats)
        # who sat where as one number, with a digit for each entrant and each seat
        code = game.entrant[:, 0] * seats + game.seat[:, 0] if seats > 1 else game.entrant[:, 0]
        for k in range(1, game.places):
            code = code * len(game.names) + game.entrant[:, k]
            code = code * seats + game.seat[:, k] if seats > 1 else code

        first, cell = _grouped(code)
        entrant, role = (
            game.entrant.take(first, 0),
            game.role.take(first, 0),
        )  # faster than an index
        return Cells(
            cell, entrant, role, game.seat.take(first, 0) if seats > 1 else np.zeros_like(entrant)
        )

    @cached_property
    def layout(self) -> Layout:
        seats = len(self.played.seats)
        # a duel shows only a difference of two seats; with more places each seat shows
        several = seats * (seats - 1) // 2 if self.played.places == 2 else seats - 1
        return Layout(len(self.played.names), len(self.played.roles), several, self.davidson)

    @cached_property
    def design(self) -> Sparse:
        """(C·K, P): the utility of each place of each cell."""
        layout, cells = self.layout, self.cells
        entrant, role = cells.entrant.ravel(), cells.role.ravel()
        columns = entrant[:, None]
        if layout.roles > 1:
            columns = np.stack([entrant, layout.deltas.start + entrant * layout.roles + role], 1)

        # every row has as many entries, so the matrix is built without a sort
        rows, each = columns.shape
        entries = (np.ones(columns.size), columns.ravel(), np.arange(rows + 1) * each)
        strengths = sparse.csr_array(entries, (rows, layout.size))
        if not layout.offsets:
            return strengths
        where, at, sign = self._offsets()
        return strengths + sparse.csr_array((sign, (where, at)), (rows, layout.size))

    def _offsets(self) -> tuple[Ints, Ints, Floats]:
        seat, start = self.cells.seat, self.layout.shifts.start
        if seat.shape[1] > 2:
            # measured against the first seat: with an offset for each, shifting all of
            # them would change no game
            rows = np.flatnonzero(seat.ravel() > 0)
            return rows, start + seat.ravel()[rows] - 1, np.ones(len(rows))
        low, high = seat.min(1), seat.max(1)
        differ = np.flatnonzero(low != high)

        # the number of a pair of seats, counted row by row above the diagonal
        column = low * (2 * len(self.played.seats) - low - 1) // 2 + high - low - 1
        sign = np.where(seat[:, 0] < seat[:, 1], 1.0, -1.0)

        # on the first place of a cell alone: a duel sees nothing but the difference
        return 2 * differ, start + column[differ], sign[differ]

    def payoffs(self) -> Payoffs:
        return Payoffs(self.design, self.cells.cell, self.played.block, self.played.score)

    def choices(self) -> Choices | Duels:
        """Bradley–Terry for two places (or Davidson), Plackett–Luce for more."""
        if self.played.places > 2:
            return self._rankings()
        if self.davidson:
            return self._draws()
        # rows alternate between the first and the second place
        difference = sparse.csr_array(self.design[0::2] - self.design[1::2])
        won = self.played.score[:, 0]
        return Duels(difference, self.cells.cell, self.played.block, won, self.layout.entrants)

    def _draws(self) -> Choices:
        """Davidson (1970): a third option of utility log ν + (u₁ + u₂)/2."""
        count = len(self.cells.entrant)
        third = sparse.kron(sparse.eye_array(count), np.array([[1, 0], [0, 1], [0.5, 0.5]]))
        design = sparse.csr_array(third @ self.design).tolil()
        design[2::3, self.layout.size - 1] = 1.0

        # a draw takes the third option; all three are always on offer
        first = self.played.score[:, 0]
        taken = np.stack([first == 1, first == 0, first == 0.5], 1).astype(float)
        absent = np.zeros((count, 3), bool)
        return Choices(design.tocsr(), absent, self.cells.cell, self.played.block, taken)

    def _rankings(self) -> Choices:
        """Plackett–Luce: each stage chooses among those not yet placed; ties average over their orders."""
        options = self.played.places
        stages = [
            stage for n, scores in enumerate(self.played.score) for stage in _stages(n, scores)
        ]
        game = np.array([stage[0] for stage in stages], np.int64)
        offered = np.array([stage[1] for stage in stages], bool)
        taken = np.array([stage[2] for stage in stages])

        # stages of one cell with the same options are alike: options are bits of the code
        code = self.cells.cell[game] * 2**options + offered @ (1 << np.arange(options))
        first, cell = _grouped(code)
        rows = (self.cells.cell[game[first]][:, None] * options + np.arange(options)).ravel()
        return Choices(self.design[rows], ~offered[first], cell, self.played.block[game], taken)


def _grouped(code: Ints) -> tuple[Ints, Ints]:
    """For each distinct code, in order, one row that has it; and each row's group."""
    # codes far apart are sorted; dense ones are looked up in a table, which needs no sort
    if code.max() > 4 * len(code):
        _, first, group = np.unique(code, return_index=True, return_inverse=True)
        return first, group

    # written backwards, so that the first row of each code is the one that stays
    first = np.full(int(code.max()) + 1, -1, np.int64)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return first[first >= 0], (np.cumsum(first >= 0) - 1)[code]


def _stages(game: int, scores: Floats) -> list[tuple[int, list[bool], list[float]]]:
    """The choices that a ranking with ties makes: (game, who was on offer, weight of each as taken).

    A tie of d averages the log-likelihood over its d! orders: the m still unplaced are then each m-subset
    alike, with weight 1/C(d, m). With two places this is the draw as ½.
    """
    places = range(len(scores))
    out: list[tuple[int, list[bool], list[float]]] = []
    for level in sorted(set(scores.tolist()), reverse=True):
        tied = [k for k in places if scores[k] == level]
        below = {k for k in places if scores[k] < level}

        for m in range(len(tied), 0, -1):
            # each of the m is taken next alike
            weight = 1 / (comb(len(tied), m) * m)
            for unplaced in combinations(tied, m):
                offered = [k in below or k in unplaced for k in places]
                # a choice from one option says nothing
                if sum(offered) > 1:
                    out.append((game, offered, [weight * (k in unplaced) for k in places]))
    return out
