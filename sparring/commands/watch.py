"""`sparring watch`: runs in the browser while they run."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from .options import ArgumentError, Commands, command, whole

_EXAMPLES = """\
  sparring watch                      every run below runs/, also those that begin later
  sparring watch poker poker-2        two runs, their curves overlaid
  sparring watch /mnt/other/runs/big  a run's folder on another machine's disk
  sparring watch --host 0.0.0.0       for other machines too: asks for a token, which it prints
"""


def add(commands: Commands) -> None:
    parser = command(commands, "watch", "Follow runs in the browser.", _EXAMPLES)
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="names below runs/, or folders, which need not be there yet (default: all)",
    )
    add_address(parser, 8010)
    parser.set_defaults(run=run)


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=whole(0, 65_535),
        default=port,
        metavar="N",
        help=f"0: any that is free (default {port})",
    )


def run(arguments: argparse.Namespace) -> int:
    needed("sparring watch")
    from sparring.agents.run_folder import RUNS
    from sparring.web.pages import opened
    from sparring.web.watch import watch

    for name in arguments.runs:
        if Path(name).is_file():
            raise ArgumentError(f"{name} is a file; a run is a folder, or its name below {RUNS}/")

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


def needed(what: str) -> None:
    """Raise ArgumentError where the extra `web` is not installed."""
    for name in ("starlette", "uvicorn"):
        if find_spec(name) is None:
            raise ArgumentError(
                f"`{what}` needs {name}, which is not installed: pip install 'sparring[web]'"
            )
