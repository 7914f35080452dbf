"""Fit 1,000 entrants and 1,000,000 games: ours beside every algorithm of choix, to the same gradient.

`python benchmarks/ratings.py [--entrants N] [--games N]`. All are timed from games in memory to strengths;
ours returns the full clustered covariance too, choix none. Ours takes arrays, choix a list of tuples; the
second line is ours from that list. choix keeps no draws, so there are none. Seconds are of CPU, which a
busy machine does not stretch so much: run with OMP_NUM_THREADS=1.

choix's Newton (`opt_pairwise`) is asked for our gradient, and given up after --patience times our seconds;
`ilsr_pairwise` and `mm_pairwise` are taken step by step until they have it, at most --rounds steps.
`lsr_pairwise` is one step and no maximum likelihood; a step of mm here is two of its iterations.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from itertools import chain

import choix
import numpy as np
from numpy.typing import NDArray
from sparring.arenas.ratings.arrays import duels
from sparring.arenas.ratings.fit import fit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Games = list[tuple[int, int]]


def gradient(strength: Floats, winner: Ints, loser: Ints) -> float:
    """Largest component of the log-likelihood's gradient, per game."""
    surprise = 1 / (1 + np.exp(strength[winner] - strength[loser]))
    count = len(strength)
    each = np.bincount(winner, surprise, count) - np.bincount(loser, surprise, count)
    return float(np.abs(each).max()) / len(winner)


def timed(work: Callable[[], Floats]) -> tuple[Floats, float]:
    start = time.process_time()
    return work(), time.process_time() - start


def stepped(
    step: Callable[[Floats | None], Floats],
    left: Callable[[Floats], float],
    wanted: float,
    rounds: int,
) -> tuple[Floats, float]:
    """Steps until the gradient is as wanted; only the steps are timed."""
    found, taken = timed(lambda: step(None))
    for _ in range(rounds - 1):
        if left(found) <= wanted:
            break
        found, more = timed(lambda before=found: step(before))
        taken += more
    return found, taken


def limited(work: Callable[[], Floats], seconds: float) -> tuple[Floats, float] | None:
    """The result and its seconds, from a process of its own; None where it wants more CPU time."""
    mine, theirs = multiprocessing.Pipe(duplex=False)

    def run() -> None:
        limit = int(time.process_time() + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        theirs.send(timed(work))

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    theirs.close()
    try:
        return mine.recv()
    except EOFError:
        return None
    finally:
        child.join()


def ours(winner: Ints, loser: Ints) -> Floats:
    return fit(duels(winner, loser, np.ones(len(winner))), "win").rating


def listed(games: Games) -> Floats:
    flat = np.fromiter(chain.from_iterable(games), np.int64, 2 * len(games))
    return ours(*flat.reshape(-1, 2).T)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--entrants", type=int, default=1000)
    options.add_argument("--games", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=12, help="most steps of ilsr and mm")
    options.add_argument("--patience", type=float, default=100, help="of our seconds, for opt")
    given = options.parse_args()
    count, draw = given.entrants, np.random.default_rng(0)
    truth = draw.normal(size=count)
    i = draw.integers(count, size=given.games)
    j = (i + draw.integers(1, count, size=given.games)) % count
    won = draw.random(given.games) < 1 / (1 + np.exp(truth[j] - truth[i]))
    winner, loser = np.where(won, i, j), np.where(won, j, i)
    data: Games = list(zip(winner.tolist(), loser.tolist(), strict=True))

    def left(strength: Floats) -> float:
        return gradient(strength, winner, loser)

    best, seconds = min(
        (timed(lambda: ours(winner, loser)) for _ in range(3)), key=lambda run: run[1]
    )
    reached = left(best)
    print(f"{count:,} entrants, {given.games:,} games; gradient is per game, largest component")
    print(f"{'':32}{'CPU s':>9}{'gradient':>12}{'ratio':>8}")
    print(f"{'ours, with covariance':32}{seconds:9.2f}{reached:12.1e}{1:8.1f}", flush=True)

    def lsr(before: Floats | None) -> Floats:
        return choix.lsr_pairwise(count, data, initial_params=before)

    def mm(before: Floats | None) -> Floats:
        return choix.mm_pairwise(count, data, initial_params=before, max_iter=2, tol=np.inf)

    peers: dict[str, Callable[[], tuple[Floats, float]]] = {
        "ours, from a list of tuples": lambda: timed(lambda: listed(data)),
        "choix lsr_pairwise (one step)": lambda: timed(lambda: lsr(None)),
        "choix ilsr_pairwise": lambda: stepped(lsr, left, reached, given.rounds),
        "choix mm_pairwise": lambda: stepped(mm, left, reached, given.rounds),
    }
    newton = limited(lambda: choix.opt_pairwise(count, data, tol=reached), given.patience * seconds)
    if newton:
        peers["choix opt_pairwise, Newton-CG"] = lambda: newton
    else:
        print(
            f"{'choix opt_pairwise, Newton-CG':32}{'':21}{'> ' + format(given.patience, 'g'):>8}   (given up)"
        )
    for name, work in peers.items():
        theirs, taken = work()
        short = "" if left(theirs) <= 2 * reached else "   (short of it)"
        print(f"{name:32}{taken:9.2f}{left(theirs):12.1e}{taken / seconds:8.1f}{short}", flush=True)


if __name__ == "__main__":
    main()
