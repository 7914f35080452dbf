"""What games say of utilities: soft choices (Bradley–Terry, Davidson, Plackett–Luce) and payoffs.

Both losses stand on one utility design: option k of cell c has utility X[c·K+k]·β. Games with the same
options share a cell, and cells are what is fitted; blocks keep their own scores for the sandwich.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from .arrays import Floats, Ints
from .newton import Sparse


@dataclass(frozen=True)
class Choices:
    """Weighted soft choices: a term takes option k with chance softmax(utilities).

    N terms fall into C cells of K options. `design` (C·K, P) sparse; `absent` (C, K) True where an
    option is not on offer; `cell` and `block` (N,) place each term; `taken` (N, K) is the weight with
    which it took each option (Bradley–Terry: K = 2, a draw is half of each).
    """

    design: Sparse
    absent: NDArray[np.bool_]
    cell: Ints
    block: Ints
    taken: Floats

    @cached_property
    def totals(self) -> Floats:
        """(C, K): the terms' weights, summed by cell."""
        return _summed(self.taken, self.cell, len(self.absent))

    @property
    def start(self) -> Floats:
        return np.zeros(self.design.shape[1])

    def logs(self, beta: Floats) -> Floats:
        """(C, K): log chances of the options."""
        utility = (self.design @ beta).reshape(self.absent.shape)

        # an absent option has chance 0; the largest comes off, so that no power overflows
        utility[self.absent] = -np.inf
        utility -= utility.max(1, keepdims=True)
        return utility - np.log(np.exp(utility).sum(1, keepdims=True))

    def gradient(self, beta: Floats) -> Floats:
        weight = self.totals.sum(1, keepdims=True)
        return self.design.T @ (weight * np.exp(self.logs(beta)) - self.totals).ravel()

    def hessian(self, beta: Floats) -> Floats:
        chances = np.exp(self.logs(beta))
        weight = self.totals.sum(1, keepdims=True)
        spread = sparse.diags_array((weight * chances).ravel()) @ self.design

        # the softmax's Hessian is that of a mean of squares less a square of means
        centre = _grouping(np.sqrt(weight) * chances) @ self.design
        return (self.design.T @ spread - centre.T @ centre).toarray()

    @property
    def facts(self) -> int:
        return max(1, self.absent.shape[1] - 1)

    def leverage(self, beta: Floats, inverse: Floats) -> Floats:
        chances = np.exp(self.logs(beta))
        # the trace of Hessian times inverse: a mean of squares less the square of a mean
        own = chances.ravel() * _forms(self.design, inverse)
        centre = _forms(_grouping(chances) @ self.design, inverse)
        cells = own.reshape(chances.shape).sum(1) - centre
        return self.taken.sum(1) * cells[self.cell]

    def meat(self, beta: Floats, scale: Floats) -> Floats:
        chances = np.exp(self.logs(beta))
        # terms of one cell share their chances, but blocks keep residuals of their own
        rest = self.taken.sum(1, keepdims=True) * chances[self.cell] - self.taken
        rest *= scale[:, None]
        return _meat(_by_block(self.block, self.cell, rest, self.absent.size) @ self.design)


@dataclass(frozen=True)
class Duels:
    """Bradley–Terry for two places: the first wins with chance 1/(1 + e^−(design·β)).

    `Choices` with two options, in a quarter of the time. `design` (C, P) sparse holds differences of
    utility; `cell` and `block` (N,) place each game; `won` (N,) is the first's score in [0, 1]. The
    first `entrants` columns are the entrants' own.
    """

    design: Sparse
    cell: Ints
    block: Ints
    won: Floats
    entrants: int

    @property
    def start(self) -> Floats:
        """The logit of each entrant's share of its points, which is near where an even field ends."""
        games, won = self.totals
        often = (abs(self.across) @ games)[: self.entrants]
        lead = (self.across @ (won - games / 2))[: self.entrants]
        # half a game to either side: no share is 0 or 1, no logit infinite
        beta = np.zeros(self.design.shape[1])
        beta[: self.entrants] = special.logit((often / 2 + lead + 0.5) / (often + 1))
        return beta

    @cached_property
    def totals(self) -> tuple[Floats, Floats]:
        """(C,) games and (C,) points of the first, by cell."""
        cells = self.design.shape[0]
        games = np.bincount(self.cell, minlength=cells).astype(float)
        return games, np.bincount(self.cell, self.won, cells).astype(np.float64)

    @cached_property
    def across(self) -> Sparse:
        return sparse.csr_array(self.design.T)

    @cached_property
    def products(self) -> tuple[Ints, Floats] | None:
        """For each cell, where in the flat Hessian its design's products go, and their values.

        Summed by `bincount`, several times as fast as a sparse product; None where rows differ in length
        or would take too much memory.
        """
        cells, size = self.design.shape
        entries = self.design.nnz // max(1, cells)

        if not (np.diff(self.design.indptr) == entries).all() or cells * entries**2 > 2**23:
            return None

        # all rows are equally long, so the sparse arrays are tables
        column = self.design.indices.reshape(cells, entries).astype(np.int64)
        value = self.design.data.reshape(cells, entries)
        where = column[:, :, None] * size + column[:, None, :]
        return where.ravel(), (value[:, :, None] * value[:, None, :]).reshape(cells, -1)

    def gradient(self, beta: Floats) -> Floats:
        games, won = self.totals
        return self.across @ (games * special.expit(self.design @ beta) - won)

    def hessian(self, beta: Floats) -> Floats:
        chance = special.expit(self.design @ beta)
        return self.weighted(self.totals[0] * chance * (1 - chance))

    @property
    def facts(self) -> int:
        return 1

    def leverage(self, beta: Floats, inverse: Floats) -> Floats:
        chance = special.expit(self.design @ beta)
        return (chance * (1 - chance) * _forms(self.design, inverse))[self.cell]

    def meat(self, beta: Floats, scale: Floats) -> Floats:
        rest = scale * (special.expit(self.design @ beta)[self.cell] - self.won)
        cells = self.design.shape[0]
        if len(self.block) == 1 + int(self.block.max()) and (np.diff(self.block) == 1).all():
            # every game is its own block
            return self.weighted(np.asarray(np.bincount(self.cell, rest * rest, cells), np.float64))
        return _meat(_by_block(self.block, self.cell, rest[:, None], cells) @ self.design)

    def weighted(self, weight: Floats) -> Floats:
        """(P, P): Σ weight·x·xᵀ over cells, x their rows of the design."""
        size = self.design.shape[1]
        if self.products is None:
            return (self.across @ (sparse.diags_array(weight) @ self.design)).toarray()
        where, values = self.products
        found = np.bincount(where, (values * weight[:, None]).ravel(), size * size)
        return found.astype(np.float64, copy=False).reshape(size, size)


@dataclass(frozen=True)
class Payoffs:
    """Payoffs by weighted least squares, in payoff units.

    Beyond its game's mean, place k of K is paid K/(K−1)·(utility − mean utility) in expectation: with
    two places the first is paid u₁ − u₂. `design` (C·K, P) sparse utilities; `cell` and `block` (N,);
    `paid` (N, K). Rows weigh (K−1)/K, since the K rows of a game hold K−1 facts.
    """

    design: Sparse
    cell: Ints
    block: Ints
    paid: Floats

    @property
    def start(self) -> Floats:
        return np.zeros(self.design.shape[1])

    @cached_property
    def rows(self) -> Sparse:
        """(C·K, P): what each place is expected to be paid beyond the mean, per unit of β."""
        places = self.paid.shape[1]
        # what a game pays in all is no merit of any place: only differences are fitted
        centring = np.eye(places) - 1 / places
        blocks = sparse.kron(sparse.eye_array(self.design.shape[0] // places), centring)
        return sparse.csr_array(places / (places - 1) * (blocks @ self.design))

    @cached_property
    def margins(self) -> Floats:
        return self.paid - self.paid.mean(1, keepdims=True)

    @cached_property
    def games(self) -> Floats:
        """(C,): how many games each cell holds."""
        return np.bincount(self.cell, minlength=self.design.shape[0] // self.paid.shape[1]).astype(
            float
        )

    @property
    def weight(self) -> float:
        return (self.paid.shape[1] - 1) / self.paid.shape[1]

    def expected(self, beta: Floats) -> Floats:
        """(C, K): each place's expected payoff beyond the mean of its game."""
        return (self.rows @ beta).reshape(-1, self.paid.shape[1])

    def gradient(self, beta: Floats) -> Floats:
        sums = _summed(self.margins, self.cell, len(self.games))
        rest = self.games[:, None] * self.expected(beta) - sums
        return self.weight * (self.rows.T @ rest.ravel())

    def hessian(self, beta: Floats) -> Floats:
        often = sparse.diags_array(np.repeat(self.games, self.paid.shape[1]))
        return self.weight * (self.rows.T @ (often @ self.rows)).toarray()

    @property
    def facts(self) -> int:
        return self.paid.shape[1] - 1

    def leverage(self, beta: Floats, inverse: Floats) -> Floats:
        forms = _forms(self.rows, inverse).reshape(len(self.games), -1)
        return (self.weight * forms.sum(1))[self.cell]

    def meat(self, beta: Floats, scale: Floats) -> Floats:
        rest = self.weight * scale[:, None] * (self.expected(beta)[self.cell] - self.margins)
        return _meat(_by_block(self.block, self.cell, rest, self.rows.shape[0]) @ self.rows)


def _forms(rows: Sparse, inverse: Floats) -> Floats:
    """(R,): x·inverse·xᵀ of every row x of a sparse (R, P)."""
    rows = sparse.csr_array(rows)
    found = np.zeros(rows.shape[0])

    step = max(1, 2**22 // max(1, rows.shape[1]))
    # the product is dense: a slice at a time bounds the memory it takes
    for start in range(0, len(found), step):
        some = rows[start : start + step]
        found[start : start + step] = np.asarray(some.multiply(some @ inverse).sum(1)).ravel()
    return found


def _summed(values: Floats, cell: Ints, cells: int) -> Floats:
    columns = [np.bincount(cell, values[:, k], cells) for k in range(values.shape[1])]
    return np.stack(columns, 1).astype(np.float64)


def _grouping(weights: Floats) -> Sparse:
    """(C, C·K): sums each cell's options with the weights (C, K)."""
    cells, options = weights.shape
    starts = np.arange(cells + 1) * options
    return sparse.csr_array(
        (weights.ravel(), np.arange(weights.size), starts), (cells, weights.size)
    )


def _meat(scores: Sparse) -> Floats:
    """Σ g·gᵀ over the rows of scores, sparse (blocks, P)."""
    return np.asarray((scores.T @ scores).todense())


def _by_block(block: Ints, cell: Ints, values: Floats, size: int) -> Sparse:
    """(blocks, C·K): values (N, K) laid at their options' columns and summed by block."""
    options = values.shape[1]
    columns = (cell[:, None] * options + np.arange(options)).ravel()
    shape = (int(block.max()) + 1, size)
    # the conversion adds up entries of one position: the legs of a block
    return sparse.coo_array((values.ravel(), (np.repeat(block, options), columns)), shape).tocsr()
