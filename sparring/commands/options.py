"""Options and arguments that several commands share."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from sparring.envs.errors import SparringError

if TYPE_CHECKING:
    from sparring.agents.engines.hosts import Hosts
    from sparring.envs.registry import Game
    from sparring.envs.types import Value

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage] argparse names its own return type so


class ArgumentError(SparringError, ValueError):
    """A command-line argument that cannot be used."""


def command(commands: Commands, name: str, about: str, examples: str) -> argparse.ArgumentParser:
    """A subcommand whose --help shows examples."""
    return commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="FILE",
        help="register the games of this Python file",
    )


def add_playing(parser: argparse.ArgumentParser) -> None:
    """What every command takes that plays a game."""
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_engine(parser)
    add_load(parser)


def add_set(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=what)


def add_verifier(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verifier",
        default="auto",
        metavar="NAME",
        help="who runs code: auto (docker if it answers, else local), docker, local, or your own: "
        "MODULE:FUNCTION or FILE.py:FUNCTION",
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        default="auto",
        metavar="E",
        help="where models run: auto, transformers, vllm, server (a vLLM of its own), or URLs of servers",
    )


@contextmanager
def hosting(engine: str) -> Generator[Hosts | None]:
    """Where models are hosted beside this process's transformers. None: nowhere else."""
    from sparring.agents.engines.available import auto

    # Models in this process need no host: each is loaded where it is seated.
    named = auto() if engine == "auto" else engine
    if named == "transformers":
        yield None
        return

    from sparring.agents.engines.hosts import Hosts

    with Hosts(named) as hosts:
        yield hosts


def announce(verifier: str) -> None:
    """Say which verifier runs the code of these games, once it is open."""
    print(f"code runs in: {verifier}", flush=True)


def load_games(arguments: argparse.Namespace) -> list[str]:
    """Register the games of every --load file; returns their ids."""
    from sparring.envs.registry import load

    return [id for path in arguments.load for id in load(path)]


def pairs(items: list[str], flag: str, form: str = "KEY=VALUE") -> dict[str, str]:
    """`["a=1"]` to `{"a": "1"}`. Raises ArgumentError for an item without `=` or a key given twice."""
    found: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise ArgumentError(f"{flag} {item!r}: expected {form}")
        if key in found:
            raise ArgumentError(f"{flag} {key} is given twice")

        found[key] = value
    return found


def literal(text: str) -> Value:
    """A Python literal where the text is one, else the text itself."""
    try:
        value: Any = ast.literal_eval(text)
    except (
        ValueError,
        SyntaxError,
        MemoryError,
        RecursionError,
    ):  # deep nesting raises the last two
        return text
    return value


def chosen_game(
    arguments: argparse.Namespace, parameters: Mapping[str, Value] | None = None
) -> Game:
    """The game named by the arguments, with its `parameters` and over them those of --set."""
    from sparring.envs.registry import find

    load_games(arguments)
    given = {key: literal(value) for key, value in pairs(arguments.set, "--set").items()}
    return find(arguments.game, **{**(parameters or {}), **given})
