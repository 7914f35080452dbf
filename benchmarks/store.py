"""Games recorded per second with durable rows, and what a game costs as the store grows.

    python benchmarks/store.py                      # a minute or two
    python benchmarks/store.py --rows 10000000      # the full size: about 3 GB and a quarter of an hour

Scripted players at Kuhn poker, one process. Beside ours, on the same games in the same run: the games
played and thrown away (the floor), and the plain way of recording, a file and a transaction for each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from sparring.agents.scripted import Scripted
from sparring.arenas.executors.local import Local, played
from sparring.arenas.fixture import Fixture, fixtures
from sparring.arenas.match import Match
from sparring.arenas.plan.rounds import block
from sparring.arenas.plan.schedule import seatings
from sparring.arenas.rollouts import rollouts
from sparring.arenas.store import Store
from sparring.arenas.transcript import write
from sparring.envs.registry import find

GAME = find("kuhn-poker-v0")
BULLY = Scripted(lambda request: "bet" if "bet" in (request.choices or ()) else "call", "bully")
TIMID = Scripted(lambda request: "check" if "check" in (request.choices or ()) else "fold", "timid")
PLAYERS = {policy.ref.id: policy for policy in (BULLY, TIMID)}
AT_ONCE = 256


def plan(seed: int) -> Iterator[Fixture]:
    """Fixtures without end, other ones for each seed."""
    names = tuple(PLAYERS)
    order = 0
    while True:
        yield from fixtures(GAME, block("rating", seed, names, order, seatings(names, GAME.seats)))
        order += 1


def match(fixture: Fixture) -> Match:
    return Match(GAME, {seat: PLAYERS[id] for seat, id in fixture.seats.items()}, fixture.seed)


async def thrown_away(games: list[Fixture]) -> None:
    async for _ in rollouts((match(fixture) for fixture in games), at_once=AT_ONCE):
        pass


async def one_by_one(games: list[Fixture], folder: Path) -> None:
    """A file and a transaction for each game, both synced: what one would write first."""
    base = sqlite3.connect(folder / "plain.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA synchronous = FULL")
    base.execute("CREATE TABLE games (key TEXT PRIMARY KEY, seed INTEGER, payoff TEXT)")
    async for index, episode in rollouts((match(fixture) for fixture in games), at_once=AT_ONCE):
        with (folder / f"{games[index].key}.json").open("w") as file:
            file.write(write(episode))
            file.flush()
            os.fsync(file.fileno())
        row = (games[index].key, episode.seed, str(dict(episode.payoff)))
        base.execute("INSERT INTO games VALUES (?, ?, ?)", row)
    base.close()


def recorded(games: list[Fixture], path: Path) -> None:
    with Store(path) as store:
        played(store, games, Local(PLAYERS, at_once=AT_ONCE))


def timed(name: str, count: int, work: Callable[[], None], against: float | None = None) -> float:
    """Run, print games a second (wall clock and processor), and return seconds of wall clock per game."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    ratio = f"   ×{wall / count / against:.2f} of ours" if against else ""
    print(f"{name:<46}{count / wall:>9,.0f} games/s {count / cpu:>9,.0f} per cpu second{ratio}")
    return wall / count


def fill(path: Path, upto: int) -> None:
    """Grow the table with rows like real ones but for their random keys and missing transcripts."""
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("PRAGMA synchronous = OFF")
    base.execute("PRAGMA cache_size = -500000")
    (have,) = base.execute("SELECT COUNT(*) FROM played").fetchone()
    names = [column[1] for column in base.execute("PRAGMA table_info(played)")][2:]
    columns = ", ".join(f'"{name}"' for name in names)
    # the last row's place, too: that is where the store goes on appending
    like = base.execute(f"SELECT {columns} FROM played ORDER BY n DESC LIMIT 1").fetchone()
    rng = random.Random(have)
    insert = f"INSERT INTO played (key, {columns}) VALUES (?{', ?' * len(like)})"
    while have < upto:
        some = min(100_000, upto - have)
        base.execute("BEGIN")
        base.executemany(insert, ((rng.randbytes(32), *like) for _ in range(some)))
        base.execute("COMMIT")
        have += some
    base.close()
    os.sync()  # what the filling left to write must not be charged to the games


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--games", type=int, default=6000, help="games for each measurement")
    parser.add_argument("--rows", type=int, default=300_000, help="rows to grow the store to")
    parser.add_argument(
        "--folder", help="where to write; a local disk (default: the system's temporary folder)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        first = list(islice(plan(0), options.games))
        recorded(list(islice(plan(99), 500)), folder / "warm.sqlite")
        ours = timed(
            "recorded, durable", len(first), lambda: recorded(first, folder / "store.sqlite")
        )
        timed("played and thrown away", len(first), lambda: asyncio.run(thrown_away(first)), ours)
        few = first[: max(200, options.games // 10)]
        timed(
            "a file and a transaction each",
            len(few),
            lambda: asyncio.run(one_by_one(few, folder)),
            ours,
        )
        print(
            f"\nas the store grows (aim: within ×1.5 at 10,000,000 rows; this run: {options.rows:,})"
        )
        for number, size in enumerate((options.rows // 100, options.rows // 10, options.rows), 1):
            fill(folder / "store.sqlite", size)
            games = list(islice(plan(number), options.games))
            timed(
                f"recorded into {size:,} rows",
                len(games),
                lambda g=games: recorded(g, folder / "store.sqlite"),
                ours,
            )


if __name__ == "__main__":
    main()
