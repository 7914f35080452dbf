"""Draw the exact NashConv of some runs over their games, as the picture of README and docs.

python benchmarks/curves.py --out docs/nashconv.svg "seed 1=runs/demo-1" "seed 2=runs/demo-2"
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sparring.arenas.report.charts import curve
from sparring.arenas.report.page import Chart, Series

STYLE = """
svg { background: #fff; font: 13px system-ui, sans-serif; }
text { fill: #333; } .grid { stroke: #e6e6e6; } .axis, .zero { stroke: #999; }
.reference { stroke: #999; stroke-dasharray: 5 4; } .line { fill: none; stroke-width: 2; }
.c0 { stroke: #2563eb; } .c1 { stroke: #059669; } .c2 { stroke: #d97706; } .c3 { stroke: #dc2626; }
.c4 { stroke: #7c3aed; } .c5 { stroke: #475569; } .cursor { visibility: hidden; }
"""


def series(name: str, folder: Path) -> Series:
    """(million games, NashConv) at every evaluation of a run."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    records = [record for record in map(json.loads, lines) if "nashconv" in record]
    return Series(name, tuple([(record["games"] / 1e6, record["nashconv"]) for record in records]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    lines = [
        series(name, Path(folder)) for name, _, folder in (run.partition("=") for run in given.runs)
    ]
    references = (("random (11/12)", 11 / 12), ("Nash (0)", 0.0))
    chart = Chart("Exact NashConv", "million games of self-play", tuple(lines), references, low=0.0)
    drawn = str(curve(chart, 760, 340)).replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1
    )
    head, _, rest = drawn.partition(">")
    given.out.write_text(f"{head}><style>{STYLE}</style>{rest}\n")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
