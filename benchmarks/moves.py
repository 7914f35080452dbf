"""Of which share of a run's replies were moves, by role, from its metrics; and how its games ended.

    python benchmarks/moves.py RUN …

A reply is a move when the game took it, at whichever try. Means over the run's steps; `cut` is the share of
replies that were as long as they may be, forfeits the share of games that ended by one.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from sparring.agents.run_folder import RunFolder, found_folder

HEAD = "| run | replies that are moves | cut | forfeits |\n|---|---|---|---|"
SHARES = {"invalid_rate": "moves", "cut_rate": "cut"}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="RUN")
    runs = parser.parse_args(argv).runs
    print(HEAD)
    for run in runs:
        folder = found_folder(run)
        text = RunFolder(folder).metrics.read_text()
        print(row(folder, [json.loads(line) for line in text.splitlines()]), flush=True)


def row(folder: Path, records: Sequence[Mapping[str, object]]) -> str:
    """The run's line of the table."""
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in SHARES}
    forfeits = games = 0.0
    for record in records:
        for name, value in record.items():
            if not isinstance(value, (int, float)):
                continue
            *_, kind, last = ("", *name.split("/"))
            if kind in SHARES:
                found[kind][name.replace(f"{kind}/", "")].append(value)
            if kind == "endings":
                games += value
                forfeits += value * (last == "forfeit")

    moves = ", ".join(f"{who} {1 - fmean(all):.2f}" for who, all in found["invalid_rate"].items())
    cut = ", ".join(f"{fmean(all):.2f}" for all in found["cut_rate"].values())
    share = f"{forfeits / games:.2f}" if games else "–"
    return f"| `{folder.name}` | {moves} | {cut} | {share} |"


if __name__ == "__main__":
    main()
