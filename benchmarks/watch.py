"""What it costs ten runs that a hundred people watch them: `python benchmarks/watch.py`.

Ten processes work without a pause and write a record of metrics four times a second, as busy runs do. In
turns nobody watches them, and `sparring watch` with 100 readers of its events on loopback does. Wall clocks
of a machine that others use say little, so processor time is counted: how much of it the runs need for a unit
of work, alone and watched, and how much the server takes from them, as a share of all that the cores give.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import random
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

ROLES = ("first", "second")
TICKS = os.sysconf("SC_CLK_TCK")


def run(folder: Path, done: Any, spent: Any, place: int) -> None:
    """Work for ever; count it and its processor time, and write what a run writes."""
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        f'game = "kuhn-poker-v0"\nsteps = 1000000\nseed = {place}\n'
    )
    step, due = 0, time.monotonic()
    with (folder / "metrics.jsonl").open("a") as file:
        while True:
            sum(i * i for i in range(2_000))
            done[place] += 1
            spent[place] = time.process_time()
            if time.monotonic() < due:
                continue
            due, step = time.monotonic() + 0.25, step + 1
            record: dict[str, float] = {"step": step, "games": step * 256, "kl": random.random()}
            for role in ROLES:
                for kind in ("payoff", "entropy", "reply_tokens", "invalid_rate"):
                    record[f"{kind}/{role}"] = random.random()
            file.write(json.dumps(record) + "\n")
            file.flush()


def readers(port: int, count: int, bytes_read: Any) -> None:
    """So many open streams, each read as it comes."""
    chosen = selectors.DefaultSelector()
    for _ in range(count):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        chosen.register(stream, selectors.EVENT_READ)
    while True:
        for key, _ in chosen.select():
            bytes_read.value += len(key.fileobj.recv(1 << 20))  # type: ignore[union-attr]


def processor(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def turn(done: Any, spent: Any, seconds: float) -> tuple[float, float, float]:
    """Processor seconds of all runs for a thousand units of work, those seconds, and the wall clock."""
    units, used, began = sum(done), sum(spent), time.monotonic()
    time.sleep(seconds)
    used = sum(spent) - used
    return 1000 * used / max(1, sum(done) - units), used, time.monotonic() - began


@contextmanager
def watching(runs: Path, people: int) -> Iterator[tuple[int, Any]]:
    """`sparring watch` of all runs and its readers; yields its process and the bytes that were read."""
    command = [sys.executable, "-m", "sparring", "watch", "--port", "0"]
    server = subprocess.Popen(
        [*command, *map(str, sorted(runs.iterdir()))], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout
    port = int(server.stdout.readline().split("/")[2].rpartition(":")[2])
    read = mp.Value("q", 0)
    crowd = mp.Process(target=readers, args=(port, people, read), daemon=True)
    crowd.start()
    try:
        # opening the page a hundred times is no steady state
        time.sleep(10)
        yield server.pid, read
    finally:
        crowd.terminate()
        server.terminate()
        server.wait()
        crowd.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    cores = os.cpu_count() or 1

    work: list[float] = []
    taken: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        done = mp.Array("q", given.runs, lock=False)
        spent = mp.Array("d", given.runs, lock=False)
        busy = [
            mp.Process(target=run, args=(Path(place) / f"run-{i}", done, spent, i), daemon=True)
            for i in range(given.runs)
        ]
        for one in busy:
            one.start()
        time.sleep(2)

        for index in range(given.turns):
            # nobody before and after, so that a drift of the machine falls out
            before, _, _ = turn(done, spent, given.seconds / 2)
            with watching(Path(place), given.people) as (server, read):
                at, received = processor(server), read.value
                during, _, wall = turn(done, spent, given.seconds)
                took, received = processor(server) - at, read.value - received
            after, _, _ = turn(done, spent, given.seconds / 2)
            work.append(during / ((before + after) / 2) - 1)
            taken.append(took / (wall * cores))
            print(
                f"turn {index + 1}: {before:.3f} and {after:.3f} s of processor for 1,000 units alone, "
                f"{during:.3f} watched; the server used {took:.2f} s in {wall:.1f} s, "
                f"{received / 1e6:.1f} MB read",
                flush=True,
            )
        for one in busy:
            one.terminate()

    spread = stdev(work) / len(work) ** 0.5 if len(work) > 1 else float("nan")
    print(
        f"{given.runs} runs, {given.people} viewers, {cores} cores: the same work costs the runs "
        f"{100 * fmean(work):+.2f} % ± {100 * spread:.2f} (one standard error) of processor time, and the "
        f"server takes {100 * fmean(taken):.2f} % of the cores"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
