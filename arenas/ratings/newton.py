"""Damped Newton for convex losses, with the gradient's norm as the certificate of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import linalg

from ...envs.errors import SparringError
from .arrays import Floats, Ints

Sparse = Any  # scipy.sparse carries no types


MOST_LEVERAGE = 0.9
"""A block of more leverage decides a rating alone: there is no residual left to learn an error from."""
FAST = 0.1
"""While each step leaves no more than this of the gradient, the Hessian of an earlier step will do."""


class FitError(SparringError, ValueError):
    """A fit that did not reach the tolerance: the message says how far it came."""


class Loss(Protocol):
    """A convex loss over parameters, a sum over games grouped in blocks."""

    @property
    def start(self) -> Floats:
        """(P,): where to begin."""
        ...

    def gradient(self, beta: Floats) -> Floats:
        """(P,)"""
        ...

    @property
    def block(self) -> Ints:
        """(N,): the block of each game or term."""
        ...

    @property
    def facts(self) -> int:
        """How many directions one block informs: places less one."""
        ...

    def hessian(self, beta: Floats) -> Floats:
        """(P, P)"""
        ...

    def leverage(self, beta: Floats, inverse: Floats) -> Floats:
        """(N,): the trace of each game's share of the Hessian times `inverse` (P, P)."""
        ...

    def meat(self, beta: Floats, scale: Floats) -> Floats:
        """(P, P): Σ g·gᵀ over blocks, g the block's gradient with its games' shares times `scale` (N,)."""
        ...


@dataclass(frozen=True)
class Minimum:
    """Where a loss with its penalty is least.

    `hessian` (P, P) is the loss's own, without penalty and gauge.
    `inverse` (P, P) is the Hessian's pseudo-inverse off the `gauge` directions; `covariance` the
    sandwich H⁻¹GH⁻¹ clustered on blocks; where it was asked to `correct`, the residuals of a block of
    leverage h are divided by √(1 − h) (HC2: a fit follows its own data, so its residuals are too small).
    `leverage` (blocks,) is h; `gradient` is the largest component left.
    """

    beta: Floats
    hessian: Floats
    inverse: Floats
    covariance: Floats
    leverage: Floats
    gradient: float
    steps: int


def minimise(
    loss: Loss,
    penalty: Floats,
    gauge: Floats,
    *,
    tolerance: float,
    correct: bool = True,
    steps: int = 100,
) -> Minimum:
    """Minimise loss(β) + ½ βᵀ·penalty·β.

    The loss must not change along the columns of `gauge` (P, g), which are orthonormal; β keeps no part
    of them. Errors: FitError where the gradient's largest component stays above `tolerance`.
    """

    def slope(beta: Floats) -> Floats:
        return loss.gradient(beta) + penalty @ beta

    def curved(beta: Floats) -> tuple[Any, float]:
        """The Hessian's factor, with the gauge filled in, and how high."""
        hessian = loss.hessian(beta) + penalty

        # curvature of the Hessian's own size for the gauge: the factor is well conditioned
        scale = max(1e-12, float(np.trace(hessian)) / len(penalty))
        return _factor(hessian + scale * flat), scale

    flat = gauge @ gauge.T

    # off the gauge from the start: no step leads back to it, since no gradient does
    beta = loss.start - gauge @ (gauge.T @ loss.start)
    gradient, factor = slope(beta), None
    for step in range(steps):
        before = float(np.abs(gradient).max())
        if before <= tolerance:
            # errors need the Hessian at the answer; the factor at hand may be older
            factor, scale = curved(beta)
            return _minimum(loss, beta, factor, flat / scale, correct, before, step)

        # the factor is the dearest part of a step
        factor = factor or curved(beta)[0]
        beta, gradient = _damped(slope, beta, gradient, _solved(factor, gradient))
        if float(np.abs(gradient).max()) > FAST * before:
            factor = None

    left = float(np.abs(gradient).max())
    raise FitError(
        f"no fit after {steps} Newton steps: gradient {left:.2e}, wanted {tolerance:.0e}"
    )


def _damped(
    slope: Callable[[Floats], Floats], beta: Floats, gradient: Floats, move: Floats
) -> tuple[Floats, Floats]:
    """The first of the whole move, half of it, a quarter, … that shortens the gradient enough.

    Newton's move is a descent direction of the gradient's length too, and no value of the loss is needed.
    """
    before, share = float(np.linalg.norm(gradient)), 1.0
    while True:
        at = beta - share * move
        found = slope(at)
        # so short a move that fails shows the limit of rounding: it is taken as it is
        if share < 1e-6 or float(np.linalg.norm(found)) <= (1 - 1e-4 * share) * before:
            return at, found

        share /= 2


def _minimum(
    loss: Loss,
    beta: Floats,
    factor: Any,
    gauge: Floats,
    correct: bool,
    size: float,
    steps: int,
) -> Minimum:
    # the curvature put into the gauge comes off again: what remains is the pseudo-inverse
    inverse = _inverse(factor) - gauge

    own = np.bincount(loss.block, loss.leverage(beta, inverse)) / loss.facts
    leverage = np.clip(own, 0.0, MOST_LEVERAGE).astype(np.float64)
    scale = (1 - leverage[loss.block]) ** -0.5 if correct else np.ones(len(loss.block))

    covariance = inverse @ loss.meat(beta, scale) @ inverse
    return Minimum(beta, loss.hessian(beta), inverse, covariance, leverage, size, steps)


def _solved(factor: Any, right: Floats) -> Floats:
    return linalg.cho_solve(factor, right, check_finite=False)


def _inverse(factor: Any) -> Floats:
    """From a Cholesky factor, in half the time of solving for the identity."""
    upper, low = factor
    invert: Any = linalg.get_lapack_funcs("potri", (upper,))
    half, _ = invert(upper, lower=low)
    # the routine fills one triangle and leaves the other as it was
    half = np.tril(half) if low else np.triu(half)
    return half + half.T - np.diag(np.diag(half))


def _factor(matrix: Floats) -> Any:
    try:
        # the matrix is a sum made for this call, so it may be overwritten
        return linalg.cho_factor(matrix, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        raise FitError("the games leave some ratings open: the Hessian is singular") from None
