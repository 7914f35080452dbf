"""`sparring play`: seat people, scripted players and models in one game."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from .options import (
    ArgumentError,
    Commands,
    add_load,
    add_set,
    add_verifier,
    announce,
    chosen_game,
    command,
    pairs,
)

if TYPE_CHECKING:
    from sparring.agents.policy import Policy
    from sparring.envs.registry import Game

_EXAMPLES = """\
  sparring play tic-tac-toe-v0 --seat x=human               you against a random player
  sparring play kuhn-poker-v0 --seat first=nash --games 3   watch the solver play
  sparring play kuhn-poker-v0 --seat second=demo@latest     a checkpoint of the run `demo`
"""


def add(commands: Commands) -> None:
    parser = command(commands, "play", "Play a game: people, scripted players and models.", _EXAMPLES)
    parser.add_argument("game", metavar="GAME")
    parser.add_argument(
        "--seat",
        action="append",
        default=[],
        metavar="ROLE=WHO",
        help="human, random, an oracle, a model or RUN@STEP; fills all seats of a role (default: random)",
    )
    parser.add_argument("--games", type=int, default=1, metavar="N", help="how many to play (default 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the game's chance (default 0)")
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    game = chosen_game(arguments)
    seats = seating(game, pairs(arguments.seat, "--seat", "ROLE=WHO"))
    return asyncio.run(_play(arguments, game, seats))


def seating(game: Game, named: dict[str, str]) -> dict[str, Policy]:
    """A policy for every seat: by seat name, else by role, else random.

    Raises ArgumentError for a name that is neither.
    """
    from sparring.agents.seats import seat

    unknown = [name for name in named if name not in game.seats and name not in game.roles]
    if unknown:
        known = ", ".join(dict.fromkeys([*game.roles, *game.seats]))
        raise ArgumentError(f"--seat {unknown[0]}: {game.id} has no such role or seat; it has {known}")
    specs = {place: named.get(place, named.get(game.role_of[place], "random")) for place in game.seats}
    policies = {spec: seat(spec, game) for spec in dict.fromkeys(specs.values())}
    return {place: policies[spec] for place, spec in specs.items()}


async def _play(arguments: argparse.Namespace, game: Game, seats: dict[str, Policy]) -> int:
    from sparring.arenas.match import Match, play
    from sparring.envs.story import story
    from sparring.sandbox.lazy import Lazy

    verifier = Lazy(arguments.verifier, announce)
    watched = "human" not in {policy.ref.name for policy in seats.values()}
    errors = 0
    try:
        for index in range(arguments.games):
            match = Match(game, seats, arguments.seed + index)
            episode = await play(match, verifier=verifier)
            print(
                "\n".join(story(episode)) + "\n"
                if watched
                else _outcome(episode.payoff, episode.ending.reason)
            )
            errors += episode.ending.kind == "error"
    finally:
        await verifier.close()
    return 2 if errors else 0


def _outcome(payoff: object, reason: str) -> str:
    amounts = ", ".join(f"{seat} {amount:+g}" for seat, amount in dict(payoff).items())  # type: ignore[call-overload]
    return f"\nThe game is over{f' ({reason})' if reason else ''}: {amounts or 'nobody is paid'}"
