"""Fit 1,000 entrants and 1,000,000 games: ours beside choix, on the same data, to the same gradient.

`python benchmarks/ratings.py [--entrants N] [--games N]`. Both are timed from arrays in memory to
strengths; ours returns the full clustered covariance too, choix none. choix keeps no draws, so there are
none. Seconds are of CPU, which a busy machine does not stretch: run with OMP_NUM_THREADS=1. choix's
Newton (`opt_pairwise`) is asked for our gradient norm; its fastest route (`ilsr_pairwise`) is shown as
well, with the gradient that it reaches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import choix
import numpy as np
from numpy.typing import NDArray
from sparring.arenas.played import duels
from sparring.arenas.ratings import fit

Floats = NDArray[np.float64]


def gradient(strength: Floats, winner: NDArray[np.int64], loser: NDArray[np.int64]) -> float:
    """Largest component of the log-likelihood's gradient, per game."""
    surprise = 1 / (1 + np.exp(strength[winner] - strength[loser]))
    count = len(strength)
    each = np.bincount(winner, surprise, count) - np.bincount(loser, surprise, count)
    return float(np.abs(each).max()) / len(winner)


def timed(work: Callable[[], Floats]) -> tuple[Floats, float]:
    start = time.process_time()
    return work(), time.process_time() - start


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entrants", type=int, default=1000)
    options.add_argument("--games", type=int, default=1_000_000)
    given = options.parse_args()
    draw = np.random.default_rng(0)
    truth = draw.normal(size=given.entrants)
    i = draw.integers(given.entrants, size=given.games)
    j = (i + draw.integers(1, given.entrants, size=given.games)) % given.entrants
    won = draw.random(given.games) < 1 / (1 + np.exp(truth[j] - truth[i]))
    winner, loser = np.where(won, i, j), np.where(won, j, i)
    data = list(zip(winner.tolist(), loser.tolist(), strict=True))

    ours, seconds = timed(lambda: fit(duels(i, j, won.astype(float)), "win").rating)
    reached = gradient(ours, winner, loser)
    print(f"{given.entrants:,} entrants, {given.games:,} games; gradient is per game, largest component")
    print(f"{'':28}{'CPU s':>9}{'gradient':>12}{'ratio':>8}")
    print(f"{'ours, with covariance':28}{seconds:9.2f}{reached:12.1e}{1:8.1f}", flush=True)
    peers: dict[str, Callable[[], Floats]] = {
        "choix ilsr_pairwise": lambda: choix.ilsr_pairwise(given.entrants, data, tol=1e-8),
        "choix opt_pairwise": lambda: choix.opt_pairwise(given.entrants, data, tol=reached),
    }
    for name, work in peers.items():
        theirs, taken = timed(work)
        left = gradient(theirs, winner, loser)
        apart = float(np.abs(theirs - theirs.mean() - ours).max())
        print(
            f"{name:28}{taken:9.2f}{left:12.1e}{taken / seconds:8.1f}   strengths apart {apart:.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
