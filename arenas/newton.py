"""Damped Newton for convex losses, with the gradient's norm as the certificate of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import linalg

from .played import Floats

Sparse = Any  # scipy.sparse carries no types


class FitError(ValueError):
    """A fit that did not reach the tolerance: the message says how far it came."""


class Loss(Protocol):
    """A convex loss over parameters, a sum over games grouped in blocks."""

    def value(self, beta: Floats) -> float: ...

    def derivatives(self, beta: Floats) -> tuple[Floats, Floats]:
        """Gradient (P,) and Hessian (P, P) of the loss."""
        ...

    def scores(self, beta: Floats) -> Sparse:
        """Each block's share of the gradient, a sparse (blocks, P) matrix."""
        ...


@dataclass(frozen=True)
class Minimum:
    """Where a loss with its penalty is least.

    `inverse` (P, P) is the Hessian's pseudo-inverse off the `gauge` directions, `covariance` the
    sandwich H⁻¹GH⁻¹ clustered on blocks; `gradient` is the largest component left.
    """

    beta: Floats
    inverse: Floats
    covariance: Floats
    gradient: float
    steps: int


def minimise(loss: Loss, penalty: Floats, gauge: Floats, *, tolerance: float, steps: int = 100) -> Minimum:
    """Minimise loss(β) + ½ βᵀ·penalty·β from β = 0.

    The loss must not change along the columns of `gauge` (P, g), which are orthonormal; β keeps no part
    of them. Errors: FitError where the gradient's largest component stays above `tolerance`.
    """

    def value(beta: Floats) -> float:
        return loss.value(beta) + float(beta @ penalty @ beta) / 2

    beta, size = np.zeros(len(penalty)), np.inf
    for step in range(steps):
        gradient, hessian = loss.derivatives(beta)
        gradient = gradient + penalty @ beta
        hessian = hessian + penalty
        scale = max(1e-12, float(np.trace(hessian)) / len(penalty))
        inside = hessian + scale * (gauge @ gauge.T)
        size = float(np.abs(gradient).max())
        if size <= tolerance:
            inverse = linalg.inv(inside) - gauge @ gauge.T / scale
            rows = loss.scores(beta)
            meat = np.asarray((rows.T @ rows).todense())
            return Minimum(beta, inverse, inverse @ meat @ inverse, size, step)
        move = linalg.solve(inside, gradient, assume_a="pos")
        beta = beta - _damping(value, beta, move, float(gradient @ move)) * move
    raise FitError(f"no fit after {steps} Newton steps: gradient {size:.2e}, wanted {tolerance:.0e}")


def _damping(value: Any, beta: Floats, move: Floats, slope: float) -> float:
    """The first of 1, ½, ¼, … that lowers the loss enough (Armijo), up to rounding."""
    before = value(beta)
    share = 1.0
    while share > 1e-6 and value(beta - share * move) > before - 1e-4 * share * slope + 1e-12 * abs(before):
        share /= 2
    return share
