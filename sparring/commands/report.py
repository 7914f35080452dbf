"""`sparring report`: one HTML page for a run."""

from __future__ import annotations

import argparse

from .options import Commands, add_load, command, load_games
from .output import answer

_EXAMPLES = """\
  sparring report demo-1                writes runs/demo-1/report.html
  sparring report demo-1 --out page.html
"""


def add(commands: Commands) -> None:
    parser = command(commands, "report", "Write one static HTML page for a run.", _EXAMPLES)
    parser.add_argument("run_name", metavar="RUN", help="a run's name under runs/, or its folder")
    parser.add_argument(
        "--out", metavar="FILE", help="where to write (default: report.html in the run)"
    )
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.arenas.report import report

    load_games(arguments)
    page = report(arguments.run_name, out=arguments.out)
    answer({"report": page})
    print(f"wrote {page}")
    return 0
