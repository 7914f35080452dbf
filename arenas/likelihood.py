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

from .newton import Sparse
from .played import Floats, Ints


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

    def logs(self, beta: Floats) -> Floats:
        """(C, K): log chances of the options."""
        utility = (self.design @ beta).reshape(self.absent.shape)
        utility[self.absent] = -np.inf
        utility -= utility.max(1, keepdims=True)
        return utility - np.log(np.exp(utility).sum(1, keepdims=True))

    def value(self, beta: Floats) -> float:
        return -float((self.totals * np.where(self.absent, 0.0, self.logs(beta))).sum())

    def derivatives(self, beta: Floats) -> tuple[Floats, Floats]:
        chances = np.exp(self.logs(beta))
        weight = self.totals.sum(1, keepdims=True)
        gradient = self.design.T @ (weight * chances - self.totals).ravel()
        spread = sparse.diags_array((weight * chances).ravel()) @ self.design
        centre = _grouping(np.sqrt(weight) * chances) @ self.design
        return gradient, (self.design.T @ spread - centre.T @ centre).toarray()

    def scores(self, beta: Floats) -> Sparse:
        chances = np.exp(self.logs(beta))
        rest = self.taken.sum(1, keepdims=True) * chances[self.cell] - self.taken
        return _by_block(self.block, self.cell, rest, self.absent.size) @ self.design


@dataclass(frozen=True)
class Duels:
    """Bradley–Terry for two places: the first wins with chance 1/(1 + e^−(design·β)).

    `Choices` with two options, in a quarter of the time. `design` (C, P) sparse holds differences of
    utility; `cell` and `block` (N,) place each game; `won` (N,) is the first's score in [0, 1].
    """

    design: Sparse
    cell: Ints
    block: Ints
    won: Floats

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
        column = self.design.indices.reshape(cells, entries).astype(np.int64)
        value = self.design.data.reshape(cells, entries)
        where = column[:, :, None] * size + column[:, None, :]
        return where.ravel(), (value[:, :, None] * value[:, None, :]).reshape(cells, -1)

    def value(self, beta: Floats) -> float:
        games, won = self.totals
        gap = self.design @ beta
        return float((games * np.logaddexp(0.0, gap) - won * gap).sum())

    def derivatives(self, beta: Floats) -> tuple[Floats, Floats]:
        games, won = self.totals
        chance = special.expit(self.design @ beta)
        gradient, weight = self.across @ (games * chance - won), games * chance * (1 - chance)
        if self.products is None:
            return gradient, (self.across @ (sparse.diags_array(weight) @ self.design)).toarray()
        (where, values), size = self.products, len(beta)
        hessian = np.bincount(where, (values * weight[:, None]).ravel(), size * size).astype(np.float64)
        return gradient, hessian.reshape(size, size)

    def scores(self, beta: Floats) -> Sparse:
        rest = (special.expit(self.design @ beta)[self.cell] - self.won)[:, None]
        return _by_block(self.block, self.cell, rest, self.design.shape[0]) @ self.design


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

    @cached_property
    def rows(self) -> Sparse:
        """(C·K, P): what each place is expected to be paid beyond the mean, per unit of β."""
        places = self.paid.shape[1]
        centring = np.eye(places) - 1 / places
        blocks = sparse.kron(sparse.eye_array(self.design.shape[0] // places), centring)
        return sparse.csr_array(places / (places - 1) * (blocks @ self.design))

    @cached_property
    def margins(self) -> Floats:
        return self.paid - self.paid.mean(1, keepdims=True)

    @cached_property
    def games(self) -> Floats:
        """(C,): how many games each cell holds."""
        return np.bincount(self.cell, minlength=self.design.shape[0] // self.paid.shape[1]).astype(float)

    @property
    def weight(self) -> float:
        return (self.paid.shape[1] - 1) / self.paid.shape[1]

    def expected(self, beta: Floats) -> Floats:
        """(C, K): each place's expected payoff beyond the mean of its game."""
        return (self.rows @ beta).reshape(-1, self.paid.shape[1])

    def value(self, beta: Floats) -> float:
        return self.weight * float(((self.expected(beta)[self.cell] - self.margins) ** 2).sum()) / 2

    def derivatives(self, beta: Floats) -> tuple[Floats, Floats]:
        sums = _summed(self.margins, self.cell, len(self.games))
        rest = self.games[:, None] * self.expected(beta) - sums
        often = sparse.diags_array(np.repeat(self.games, self.paid.shape[1]))
        gradient = self.weight * (self.rows.T @ rest.ravel())
        return gradient, self.weight * (self.rows.T @ (often @ self.rows)).toarray()

    def scores(self, beta: Floats) -> Sparse:
        rest = self.weight * (self.expected(beta)[self.cell] - self.margins)
        return _by_block(self.block, self.cell, rest, self.rows.shape[0]) @ self.rows


def _summed(values: Floats, cell: Ints, cells: int) -> Floats:
    columns = [np.bincount(cell, values[:, k], cells) for k in range(values.shape[1])]
    return np.stack(columns, 1).astype(np.float64)


def _grouping(weights: Floats) -> Sparse:
    """(C, C·K): sums each cell's options with the weights (C, K)."""
    cells, options = weights.shape
    starts = np.arange(cells + 1) * options
    return sparse.csr_array((weights.ravel(), np.arange(weights.size), starts), (cells, weights.size))


def _by_block(block: Ints, cell: Ints, values: Floats, size: int) -> Sparse:
    """(blocks, C·K): values (N, K) laid at their options' columns and summed by block."""
    options = values.shape[1]
    columns = (cell[:, None] * options + np.arange(options)).ravel()
    shape = (int(block.max()) + 1, size)
    return sparse.coo_array((values.ravel(), (np.repeat(block, options), columns)), shape).tocsr()
