"""`sparring export`: a run's samples and pairs as a data set."""

from __future__ import annotations

import argparse

from .options import Commands, command

_EXAMPLES = """\
  sparring export my-run                      writes runs/my-run/dataset/{samples,pairs}.jsonl
  sparring export my-run --verdict right      samples whose outcome was right
  sparring export my-run --role solver --out solver-data
"""


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "export",
        "Write a run's samples and pairs as a data set (TRL, datasets).",
        _EXAMPLES,
    )
    parser.add_argument("run_name", metavar="RUN", help="a run with stock.keep = true")
    parser.add_argument(
        "--out", metavar="FOLDER", help="where to write (default: dataset in the run)"
    )
    parser.add_argument(
        "--role", action="append", default=[], help="of this role only (may be given several times)"
    )
    parser.add_argument(
        "--verdict", choices=("all", "right", "wrong"), default="all", help="which samples"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.training.export import export

    done = export(
        arguments.run_name, out=arguments.out, roles=arguments.role, verdict=arguments.verdict
    )
    print(f"wrote {done.samples:,} samples and {done.pairs:,} pairs to {done.folder}")
    if not done.pairs:
        print("no pairs: no prompt was answered twice in a step; see rollout.replicates")
    return 0
