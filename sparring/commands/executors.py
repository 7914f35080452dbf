"""Where the games of a command are played: in this process, or on the actors of a Ray cluster."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from .options import ArgumentError
from .output import announce

if TYPE_CHECKING:
    from sparring.agents.policy import Policy
    from sparring.arenas.costs import Price
    from sparring.arenas.executors.local import Executor
    from sparring.envs.registry import Game

    Opening: TypeAlias = Callable[[Mapping[str, Policy]], Executor]


def add_executor(parser: argparse.ArgumentParser, what: str = "where games are played") -> None:
    parser.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help=f"{what}: this machine, or the Ray cluster at $RAY_ADDRESS (default local)",
    )


def engine_of(arguments: argparse.Namespace) -> str:
    """Where the command's models run. Raises ArgumentError for an engine that no actor could use."""
    if arguments.executor == "local":
        return arguments.engine

    # An actor loads its own models: an engine of this process, or one on this machine, is not theirs.
    if arguments.engine not in ("auto", "transformers"):
        raise ArgumentError("--executor ray plays on transformers; leave out --engine")
    return "transformers"


@contextmanager
def executor(
    arguments: argparse.Namespace,
    game: Game,
    specs: Mapping[str, str],
    prices: Mapping[str, Price] | None = None,
) -> Generator[Opening]:
    """Yields a function from players to their executor. `specs` are names by entrant's id, `prices` too.

    The actors of a cluster seat the entrants by these names. On leaving, actors and verifier are closed.
    """
    from sparring.sandbox.choose import Lazy

    if arguments.executor == "local":
        from sparring.arenas.executors.local import Local

        verifier = Lazy(arguments.verifier, announce)
        try:
            yield partial(Local, verifier=verifier, prices=prices)
        finally:
            asyncio.run(verifier.close())
        return

    try:
        from sparring.arenas.executors.ray import Ray
    except ModuleNotFoundError:
        raise ArgumentError("--executor ray needs Ray: pip install 'sparring[ray]'") from None

    # An actor may start in another folder, and opens the verifier there: no path may be relative,
    # and what it gets must pickle.
    opened = partial(Lazy, arguments.verifier)
    loaded = [str(Path(file).resolve()) for file in arguments.load]
    seating = partial(_seated, game)
    with Ray(seating, specs, workers=None, games=loaded, prices=prices, verifier=opened) as ray:
        yield lambda _: ray


def _seated(game: Game, spec: str) -> Policy:
    from sparring.agents.seats import seat

    return seat(spec, game)
