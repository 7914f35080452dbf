"""The pool of a double oracle: its games, their equilibrium, and how exploitable that mixture is.

Policy-Space Response Oracles (Lanctot et al. 2017, 1711.00832): each phase trains a response to the
equilibrium of the games between all policies so far. `psro.jsonl` in the run's folder holds a line for each
time the pool was solved: when a phase begins, and when the last one has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..arenas.ratings.nash import nash_average
from ..envs.errors import SparringError
from .config import Config
from .jsonlines import read_lines, write_lines

FILE = "psro.jsonl"


class MixtureError(SparringError, ValueError):
    """A pool cannot be solved, or what was solved is damaged."""


@dataclass(frozen=True)
class Mixture:
    """A solved pool.

    step:     the run's step at which it was solved.
    pool:     the steps of its policies; 0 is the first, `opponents.entrant`.
    weights:  how likely each is to be met; they sum to 1.
    payoffs:  what each gains from each, mean over both seatings: antisymmetric.
    nashconv: what both seats together could still gain against the mixture (None: no tree).
    """

    step: int
    pool: Sequence[int]
    weights: Sequence[float]
    payoffs: Sequence[Sequence[float]]
    nashconv: float | None = None


def mixed(payoffs: Sequence[Sequence[float]], meta: str) -> list[float]:
    """The mixture over the pool: of most entropy among the equilibria, `uniform`, or the `last` alone."""
    count = len(payoffs)
    if meta == "uniform":
        return [1 / count] * count
    if meta == "last":
        return [0.0] * (count - 1) + [1.0]
    found = nash_average(np.array(payoffs, dtype=np.float64).reshape(count, count)).mixture
    return [float(weight) for weight in found / found.sum()]


def mixtures(folder: Path) -> list[Mixture]:
    """All that was solved, in order. Raises MixtureError."""
    remedy = "remove it, and resume: it is solved anew"
    return read_lines(folder / FILE, Mixture, MixtureError, remedy)


def mixture_at(folder: Path, step: int) -> Mixture:
    """What was solved as the stage after this step began. Raises MixtureError."""
    found = [each for each in mixtures(folder) if each.step == step]
    if not found:
        raise MixtureError(f"{folder / FILE} has no mixture of step {step}; resume the run")
    return found[-1]


def keep(folder: Path, new: Mixture) -> None:
    """Write a mixture behind those of earlier steps; later ones are solved again."""
    known = [each for each in mixtures(folder) if each.step < new.step]
    write_lines(folder / FILE, [*known, new])


def check_pool(config: Config, count: int) -> None:
    """Raises MixtureError for a run without a second phase, whose pool would never grow."""
    if config.opponents.mode == "psro" and count < 2:
        raise MixtureError(
            "opponents.mode = psro meets what earlier phases ended with, and the run has none; give it "
            "phases and rounds, or use fixed"
        )
