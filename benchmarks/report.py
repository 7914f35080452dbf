"""Seconds of processor and of wall clock of a report, and beside them another checkout's.

    python benchmarks/report.py [--before FOLDER] [--game kuhn-poker-v0] [--store FILE]

A store of games (Kuhn poker) between scripted entrants is made once, or taken from `--store`; then each
checkout writes its page in a process of its own, in turns. `wall` is what a user waits, `cpu` the work of all
processes together.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sparring.agents.policy import Renamed
from sparring.agents.scripted import Random
from sparring.arenas.tournament import tournament
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef

HERE = Path(__file__).resolve().parent.parent
PROGRAM = """
import os, sys, time
from sparring.arenas.report import tournament_report
def spent(): return time.perf_counter(), sum(os.times()[:4])
began = spent()
tournament_report(sys.argv[1], sys.argv[2])
print(*(b - a for a, b in zip(began, spent())))
"""


def make(path: Path, game: str, games: int, entrants: int) -> None:
    """A store of at least so many games."""
    names = [f"player-{n}" for n in range(entrants)]
    players = [Renamed(Random(n), PolicyRef(name, name)) for n, name in enumerate(names)]
    pairs = -(-games // (entrants * (entrants - 1)))
    tournament(find(game), players, path, pairs=pairs)


def timed(checkout: Path, store: Path, page: Path) -> tuple[float, float]:
    """Seconds of wall clock and of processors that a checkout takes, its imports left out."""
    # the links for type checkers are a package `sparring` like any other
    path = {**os.environ, "PYTHONPATH": str(checkout / "typings"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", PROGRAM, str(store), str(page)]
    told = subprocess.run(command, env=path, check=True, stdout=subprocess.PIPE, text=True)
    wall, cpu = map(float, told.stdout.split())
    return wall, cpu


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--game", default="kuhn-poker-v0")
    options.add_argument("--games", type=int, default=100_000)
    options.add_argument("--entrants", type=int, default=50)
    options.add_argument("--before", type=Path, help="another checkout of Sparring")
    options.add_argument(
        "--store", type=Path, help="a store to report on; made where it is not there"
    )
    options.add_argument("--turns", type=int, default=3)
    given = options.parse_args()

    checkouts = {"now": HERE} | ({"before": given.before.resolve()} if given.before else {})
    with tempfile.TemporaryDirectory() as folder:
        store = given.store or Path(folder) / "store.sqlite"
        if not store.exists():
            began = time.perf_counter()
            make(store, given.game, given.games, given.entrants)
            print(f"store made in {time.perf_counter() - began:.0f} s", flush=True)

        for turn in range(given.turns):
            for who, checkout in checkouts.items():
                page = Path(folder) / f"{who}.html"
                wall, cpu = timed(checkout, store, page)
                size = page.stat().st_size / 1e6
                print(
                    f"turn {turn + 1}: {who:8}{cpu:8.1f} s cpu{wall:8.1f} s wall{size:7.1f} MB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
