"""Games a second of `tournament verify` and of a report, and beside them another checkout's.

    python benchmarks/verify.py [--games 20000] [--before FOLDER]

A store of Kuhn poker, eight scripted entrants, is made once; then each checkout reads it in a process of its
own, in turns. `wall` is what a user waits, `cpu` the work of all processes together.
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
ENTRANTS = 8
WORK = {
    # an older checkout rates otherwise, but of games it must say the same: nothing
    "verify": "from sparring.arenas.verify import verify as work; "
    "assert not [fault for fault in work({store!r}) if fault.startswith('game')]",
    "report": "from sparring.arenas.report import tournament_report as work; work({store!r}, {page!r})",
}


def make(path: Path, games: int) -> int:
    """A store of about so many games; returns how many."""
    game = find("kuhn-poker-v0")
    names = [f"player-{n}" for n in range(ENTRANTS)]
    players = [Renamed(Random(n), PolicyRef(name, name)) for n, name in enumerate(names)]
    pairs = max(1, games // (ENTRANTS * (ENTRANTS - 1)))
    return tournament(game, players, path, pairs=pairs).plan.games


def timed(checkout: Path, code: str) -> tuple[float, float]:
    """Seconds of wall clock and of processors that a checkout takes, its imports left out."""
    program = (
        "import os, time; import sparring.arenas.verify, sparring.arenas.report\n"
        "def spent(): return time.perf_counter(), sum(os.times()[:4])\n"
        f"began = spent(); {code}; print(*(b - a for a, b in zip(began, spent())))"
    )
    # the links for type checkers are a package `sparring` like any other
    path = {**os.environ, "PYTHONPATH": str(checkout / "typings"), "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=path,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    wall, cpu = map(float, told.stdout.split())
    return wall, cpu


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--games", type=int, default=20_000)
    options.add_argument("--before", type=Path, help="another checkout of Sparring")
    options.add_argument("--turns", type=int, default=3)
    given = options.parse_args()

    checkouts = {"now": HERE} | ({"before": given.before.resolve()} if given.before else {})
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        began = time.perf_counter()
        games = make(store, given.games)
        print(
            f"{games:,} games played in {time.perf_counter() - began:.0f} s; the best of {given.turns}:"
        )

        for name, work in WORK.items():
            code = work.format(store=str(store), page=str(Path(folder) / "page.html"))
            turns = [
                {who: timed(at, code) for who, at in checkouts.items()} for _ in range(given.turns)
            ]
            for who in checkouts:
                wall, cpu = (min(turn[who][n] for turn in turns) for n in (0, 1))
                print(
                    f"{name:8}{who:8}{games / wall:10,.0f} games/s{games / cpu:10,.0f} per cpu second"
                )


if __name__ == "__main__":
    main()
