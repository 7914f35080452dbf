"""The command line: `sparring COMMAND …`. Each command lives in its own file of `commands/`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sparring.envs.errors import exit_code

_EPILOG = """\
examples:
  sparring games                                  what can be played
  sparring play tic-tac-toe-v0 --seat x=human     play against a random opponent
  sparring train spiral --set game=kuhn-poker-v0  train a tiny model by self-play
  sparring tournament kuhn-poker-v0 random nash   who is better, with intervals
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line, without running anything."""
    # Imported here, where `main` already answers to Ctrl-C.
    from .commands import (
        completion,
        engines,
        exam,
        experiment,
        exploit,
        export,
        games,
        gate,
        league,
        play,
        push,
        report,
        sandbox,
        serve,
        tournament,
        train,
        watch,
    )
    from .commands.options import Parser

    top = Parser(
        prog="sparring",
        description="Language models train by playing against themselves, and prove that they got better.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action=_Version, help="say which version this is")

    # Each command adds its own parser; what it needs to run is imported when it runs.
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    order = (
        games,
        play,
        train,
        experiment,
        watch,
        exam,
        exploit,
        tournament,
        gate,
        league,
        report,
        export,
        push,
        serve,
        sandbox,
        engines,
        completion,
    )
    for command in order:
        command.add(commands)
    return top


class _Version(argparse.Action):
    """Prints the version and ends. Looked up only when asked for: the metadata is slow to read."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from sparring import __version__

        print(f"sparring {__version__}")
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. 0: done; 2: something to fix, said in one line; 130: interrupted."""

    def run() -> int:
        from .commands.completion import complete
        from .commands.output import printing

        known = parser()
        complete(known)
        arguments = known.parse_args(argv)
        with printing(arguments):
            return arguments.run(arguments)

    return exit_code("sparring", run)
