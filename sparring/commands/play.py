"""`sparring play`: seat people, scripted players and models in one game."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import TYPE_CHECKING, Any

from . import play_web
from .options import (
    MANY,
    SEED,
    ArgumentError,
    Commands,
    add_playing,
    add_prompts,
    add_think,
    chosen_game,
    command,
    hosting,
    pairs,
    real,
    seated,
    thinking_of,
    whole,
)
from .output import announce, answer

if TYPE_CHECKING:
    from sparring.agents.engines.hosts import Hosts
    from sparring.agents.policy import Policy, Sampling
    from sparring.agents.thinking import Thinking
    from sparring.arenas.match import Match
    from sparring.envs.registry import Game
    from sparring.envs.types import Episode, Turn
    from sparring.sandbox.verifier import Verifier

_EXAMPLES = """\
  sparring play tic-tac-toe-v0 --seat x=human               you against a random player
  sparring play kuhn-poker-v0 --seat first=nash --games 3   the solver against a random player
  sparring play taboo-v0 --watch --delay 1                  two scripted players, move by move
  sparring play kuhn-poker-v0 --web --against demo-1@latest in the browser, in a seat of your choice
  sparring play kuhn-poker-v0 --seat second=demo-1@latest   a checkpoint of the run of `make demo`
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "play", "Play a game: people, scripted players and models.", _EXAMPLES
    )
    parser.add_argument("game", metavar="GAME", help="which one; `sparring games` lists them")
    parser.add_argument(
        "--seat",
        action="append",
        default=[],
        metavar="ROLE=WHO",
        help="human, random, an oracle, a model or RUN@STEP; fills all seats of a role, *=WHO all roles "
        "(default: the game's own `sample` player, or random where it has none)",
    )

    parser.add_argument(
        "--shots",
        type=whole(0, 64),
        default=0,
        metavar="N",
        help="example games that models are shown first",
    )
    parser.add_argument(
        "--max-tokens",
        type=whole(1, 1_000_000),
        default=256,
        metavar="N",
        help="of a model's reply (default 256)",
    )
    parser.add_argument(
        "--temperature",
        type=real(0, 100),
        default=1.0,
        metavar="T",
        help="of models; 0 is greedy (default 1)",
    )

    add_think(parser)
    add_prompts(parser)
    parser.add_argument(
        "--show-prompts",
        action="store_true",
        help="print the chat of every request as a model or an endpoint is sent it",
    )
    parser.add_argument("--watch", action="store_true", help="show every move as it is made")
    parser.add_argument(
        "--delay",
        type=real(0, 60),
        default=0.0,
        metavar="S",
        help="seconds to wait after a move",
    )
    parser.add_argument(
        "--games",
        type=whole(1, MANY),
        default=1,
        metavar="N",
        help="how many to play, each with the next seed (default 1)",
    )
    parser.add_argument(
        "--seed",
        type=SEED,
        default=0,
        metavar="S",
        help="of cards, dice and random players: another seed, another game (default 0)",
    )

    add_playing(parser)
    play_web.add_web(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.agents.policy import Sampling

    game = chosen_game(arguments)
    named = pairs(arguments.seat, "--seat", "ROLE=WHO")
    sampling = Sampling(arguments.temperature, 1.0, arguments.max_tokens)
    if arguments.web:
        sitting = placed(game, play_web.facing(named, arguments.against))
        return play_web.run(arguments, game, sitting, sampling)
    play_web.refuse_alone(arguments)
    with hosting(arguments.engine) as hosts:
        seats = seating(game, named, sampling, hosts, thinking_of(arguments, game))
        return asyncio.run(_play(arguments, game, seats))


def placed(game: Game, named: dict[str, str]) -> dict[str, str]:
    """Who sits in every seat: by seat name, else by role, else by `*`, else `sample` or random.

    Raises ArgumentError for a place that the game does not have.
    """
    unknown = [name for name in named if name not in {"*", *game.seats, *game.roles}]
    if unknown:
        known = ", ".join(dict.fromkeys([*game.roles, *game.seats]))
        raise ArgumentError(
            f"--seat {unknown[0]}: {game.id} has no such role or seat; it has {known}"
        )

    usual = named.get("*", "sample" if "sample" in game.oracles else "random")
    return {place: named.get(place, named.get(game.role_of[place], usual)) for place in game.seats}


def seating(
    game: Game,
    named: dict[str, str],
    sampling: Sampling,
    hosts: Hosts | None = None,
    thinking: Thinking | None = None,
) -> dict[str, Policy]:
    """A policy for every seat: by seat name, else by role, else by `*`, else `sample` or random.

    Raises ArgumentError for a name that is none of them.
    """
    specs = placed(game, named)
    # One policy a name: a model that sits in several seats is loaded once and asked in one batch.
    policies = {
        s: seated(s, game, hosts, sampling, thinking) for s in dict.fromkeys(specs.values())
    }
    return {place: policies[spec] for place, spec in specs.items()}


async def _play(arguments: argparse.Namespace, game: Game, seats: dict[str, Policy]) -> int:
    from sparring.arenas.match import Match
    from sparring.sandbox.choose import Lazy

    verifier = Lazy(arguments.verifier, announce)
    if arguments.shots:
        seats = await _shown(game, seats, verifier, arguments.shots)

    if arguments.show_prompts:
        seats = _showing(seats)

    # A person has seen every move as it was made, so only the result is left to print.
    human = "human" in {policy.ref.name for policy in seats.values()}
    # Who plays twice and sees the same cards wants to know why.
    last = arguments.seed + arguments.games - 1
    seeds = (
        f"seed {arguments.seed}" if arguments.games == 1 else f"seeds {arguments.seed} to {last}"
    )
    print(f"{game.id}, {seeds}; --seed {last + 1} plays another\n", flush=True)

    # A game that broke off by a fault of the machinery is no result; the exit code says so.
    errors = 0
    found: list[dict[str, Any]] = []
    try:
        for index in range(arguments.games):
            match = Match(game, seats, arguments.seed + index)
            told = _played if human else _watched if arguments.watch else _told
            episode = await told(match, verifier, arguments.delay)
            errors += episode.ending.kind == "error"
            found.append(_data(episode))
    finally:
        await verifier.close()
    answer({"game": game.id, "games": found})
    return 2 if errors else 0


def _data(episode: Episode) -> dict[str, Any]:
    """A game as plain values: who sat where, what they said, how it ended."""
    return {
        "seed": episode.seed,
        "seats": {seat: ref.name for seat, ref in episode.seats.items()},
        "turns": [
            {"seat": turn.seat, "text": turn.reply.text, "thought": turn.reply.thought}
            for turn in episode.turns
        ],
        "ending": episode.ending.kind,
        "reason": episode.ending.reason,
        "payoff": dict(episode.payoff),
        "notes": dict(episode.notes),
    }


async def _shown(
    game: Game, seats: dict[str, Policy], verifier: Verifier, count: int
) -> dict[str, Policy]:
    """The same seating, with example games before the prompts of all policies that sample."""
    from sparring.agents.few_shot import Shown
    from sparring.arenas.examples import examples

    given = await examples(game, verifier, count)

    # Scripted players and people have no sampling settings, and read no examples.
    sampled = {
        id(policy): Shown(policy, given) for policy in seats.values() if hasattr(policy, "sampling")
    }
    return {place: sampled.get(id(policy), policy) for place, policy in seats.items()}


def _showing(seats: dict[str, Policy]) -> dict[str, Policy]:
    """The same seating, where everybody who is sent a chat prints it."""
    from sparring.agents.shown_prompts import Showing

    # One wrapper a policy, so that seats of one model are still asked in one batch.
    around = {id(policy): Showing(policy) for policy in seats.values()}
    return {place: around[id(policy)] for place, policy in seats.items()}


async def _told(match: Match, verifier: Verifier, delay: float) -> Episode:
    """Play a match, and print it when it is over."""
    from sparring.arenas.match import play
    from sparring.envs.story import story

    episode = await play(match, verifier=verifier)
    print("\n".join(story(episode)) + "\n")
    return episode


async def _watched(match: Match, verifier: Verifier, delay: float) -> Episode:
    """Play a match, and print every move when it is made, `delay` seconds apart."""
    from sparring.arenas.match import play
    from sparring.envs.story import Telling, ended

    telling = Telling()

    def show(turns: tuple[Turn, ...]) -> None:
        for count in range(telling.told + 1, len(turns) + 1):
            print("\n".join(telling.news(turns[:count])), flush=True)
            time.sleep(delay)  # holds the game up on purpose: the next move waits for the reader

    episode = await play(match, verifier=verifier, watch=lambda table: show(table.turns))
    show(episode.turns)
    print("\n".join(ended(episode)) + "\n", flush=True)
    return episode


async def _played(match: Match, verifier: Verifier, delay: float) -> Episode:
    """Play a match with a person at the terminal, and print its result."""
    from sparring.arenas.match import play

    episode = await play(match, verifier=verifier)
    reason = f" ({episode.ending.reason})" if episode.ending.reason else ""
    amounts = ", ".join(f"{seat} {amount:+g}" for seat, amount in episode.payoff.items())
    print(f"\nThe game is over{reason}: {amounts or 'no seat is paid'}")
    return episode
