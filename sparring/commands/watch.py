"""`sparring watch`: runs in the browser while they run."""

from __future__ import annotations

import argparse
from pathlib import Path

from .address import add_address, needed
from .options import ArgumentError, Commands, command

_EXAMPLES = """\
  sparring watch                      every run below runs/, also those that begin later
  sparring watch poker poker-2        two runs, their curves overlaid
  sparring watch /mnt/other/runs/big  a run's folder on another machine's disk
  sparring watch --host 0.0.0.0       for other machines too: asks for a token, which it prints
"""


def add(commands: Commands) -> None:
    parser = command(commands, "watch", "Follow runs in the browser.", _EXAMPLES, prints=False)
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="names below runs/, or folders, which need not be there yet (default: all)",
    )
    add_address(parser, 8010)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    needed("sparring watch")
    from sparring.agents.run_folder import RUNS, run_folder
    from sparring.web.pages import opened
    from sparring.web.watch import watch

    for name in arguments.runs:
        if Path(name).is_file():
            raise ArgumentError(f"{name} is a file; a run is a folder, or its name below {RUNS}/")
        if not run_folder(name).is_dir():
            print(f"{name} is not there yet: the page shows it when it begins", flush=True)

    listening, address, token = opened(arguments.host, arguments.port, "")
    with listening:
        watch(
            arguments.runs,
            listening,
            runs=RUNS,
            token=token,
            host=arguments.host,
            started=lambda: print(f"open {address} ; Ctrl-C ends the page, and no run", flush=True),
        )
    return 0
