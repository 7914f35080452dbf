"""`sparring push`: a checkpoint as a model repository, in a folder or on the hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from .options import ArgumentError, Commands, add_load, command, load_games
from .output import answer, patience

_EXAMPLES = """\
  sparring push poker@300 ./poker-300                a folder: weights, card, hashes
  sparring push poker@latest me/poker                a private repository of the hub
  sparring push poker@300 ./poker --store runs/arena/store.sqlite
  sparring push verify ./poker-300                   is the copy what was pushed?
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "push", "Push a checkpoint as a model repository, or verify a copy.", _EXAMPLES
    )
    parser.add_argument("name", metavar="RUN@STEP", help="a checkpoint, or `verify`")
    parser.add_argument("repo", metavar="REPO", help="a new folder, or owner/name on the hub")
    parser.add_argument(
        "--store", type=Path, metavar="FILE", help="the games that rate it (default: the run's own)"
    )
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.training.push import check, pushed

    if arguments.name == "verify":
        found = check(arguments.repo)
        answer({"repo": arguments.repo, "files": found})
        print(f"{arguments.repo}: all files are as they were pushed ({found})")
        return 0

    load_games(arguments)
    if arguments.store and not arguments.store.is_file():
        raise ArgumentError(f"--store {arguments.store}: no such file")
    with patience("copying the weights …"):
        head = pushed(arguments.name, arguments.repo, store=arguments.store)
    answer({"checkpoint": arguments.name, "repo": arguments.repo, "head": head})
    print(f"pushed {arguments.name} to {arguments.repo} ({head})")
    return 0
