"""`sparring completion`: what a shell needs in order to complete commands, flags, games and runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sparring.agents.run_folder import RUNS

from .options import Commands, command

if TYPE_CHECKING:
    Words = Callable[..., list[str]]

_EXAMPLES = """\
  eval "$(sparring completion bash)"                     in ~/.bashrc
  eval "$(sparring completion zsh)"                      in ~/.zshrc, after compinit
  sparring completion fish > ~/.config/fish/completions/sparring.fish
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "completion", "Print a shell's completion script.", _EXAMPLES, prints=False
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell that reads it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["sparring"], shell=arguments.shell))
    return 0


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks for completions, and end; does nothing for everybody else."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    import argcomplete

    known: dict[str, Words] = {
        "GAME": _games,
        "RECIPE": _recipes,
        "RUN": _runs,
        "RUN@STEP": _players,
        "ENTRANT": _players,
        "ENTRANT|GAME": lambda **_: [*_players(), *_games()],
        "NEW": _players,
        "OLD": _players,
        "WHO": _players,
        "NAME": _runs,
    }
    for action in _actions(parser):
        words = known.get(action.metavar) if isinstance(action.metavar, str) else None
        if words is not None:
            # the library looks for this attribute of an action
            action.completer = words  # pyright: ignore[reportAttributeAccessIssue]
    argcomplete.autocomplete(parser)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments, those of subcommands too."""
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage] argparse lists them nowhere else
        yield action
        if isinstance(action, argparse._SubParsersAction):  # pyright: ignore[reportPrivateUsage]
            for inner in action.choices.values():
                yield from _actions(inner)


def _games(**_: object) -> list[str]:
    from sparring.envs.registry import game_ids

    return game_ids()


def _recipes(**_: object) -> list[str]:
    from sparring.training.recipes import recipe_names

    return list(recipe_names())


def _runs(**_: object) -> list[str]:
    return sorted(path.name for path in RUNS.iterdir() if path.is_dir()) if RUNS.is_dir() else []


def _players(**_: object) -> list[str]:
    return ["random", "nash", "minimax", *(f"{run}@latest" for run in _runs())]
