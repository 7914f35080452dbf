"""What it costs ten runs that a hundred people watch them: `python benchmarks/watch.py`.

Ten processes work without a pause and write a record of metrics four times a second, as busy runs do.
`sparring watch` and 100 readers of its events on loopback are stopped and let go in turns of two seconds, so
that both see the same machine; what they missed they read when they go on. Wall clocks of a machine that
others use say little, so processor time is counted: how much of it the runs need for a unit of work, alone
and watched, and how much the server takes from them, as a share of all that the cores give.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
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


def turn(done: Any, spent: Any, seconds: float) -> float:
    """Processor seconds of all runs for a thousand units of work."""
    units, used = sum(done), sum(spent)
    time.sleep(seconds)
    return 1000 * (sum(spent) - used) / max(1, sum(done) - units)


@contextmanager
def watching(runs: Path, people: int) -> Generator[tuple[int, int, Any]]:
    """`sparring watch` of all runs and its readers; yields both processes and the bytes that were read."""
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
        assert crowd.pid is not None
        yield server.pid, crowd.pid, read
    finally:
        for stopped in (crowd, server):
            if stopped.pid is not None:
                os.kill(stopped.pid, signal.SIGCONT)
        crowd.terminate()
        server.terminate()
        server.wait()
        crowd.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=2)
    given = parser.parse_args()
    cores = os.cpu_count() or 1

    work: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        done = mp.Array("q", given.runs, lock=False)
        spent = mp.Array("d", given.runs, lock=False)
        busy = [
            mp.Process(target=run, args=(Path(place) / f"run-{i}", done, spent, i), daemon=True)
            for i in range(given.runs)
        ]
        for one in busy:
            one.start()

        with watching(Path(place), given.people) as (server, crowd, read):
            at, received, began = processor(server), read.value, time.monotonic()
            for _ in range(given.turns):
                # alone, watched, watched, alone: a drift of the machine falls out
                costs: dict[signal.Signals, float] = {signal.SIGSTOP: 0.0, signal.SIGCONT: 0.0}
                for state in (signal.SIGSTOP, signal.SIGCONT, signal.SIGCONT, signal.SIGSTOP):
                    for one in (server, crowd):
                        os.kill(one, state)
                    costs[state] += turn(done, spent, given.seconds / 2)
                work.append(costs[signal.SIGCONT] / costs[signal.SIGSTOP] - 1)
            wall = time.monotonic() - began
            taken = (processor(server) - at) / (wall * cores)
            received = read.value - received

        for one in busy:
            one.terminate()

    spread = stdev(work) / len(work) ** 0.5 if len(work) > 1 else float("nan")
    print(
        f"{given.runs} runs, {given.people} viewers, {cores} cores, {given.turns} turns in {wall:.0f} s, "
        f"{received / 1e6:.0f} MB read: the same work costs the runs {100 * fmean(work):+.2f} % ± "
        f"{100 * spread:.2f} (one standard error) of processor time, and the server takes "
        f"{100 * taken:.2f} % of the cores"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
