"""`sparring tournament`: who is better, with intervals."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sparring.agents.folders import found_folder, run_folder

from .options import (
    ArgumentError,
    Commands,
    add_engine,
    add_load,
    add_set,
    add_verifier,
    announce,
    chosen_game,
    command,
    hosts_for,
    load_games,
    pairs,
)

if TYPE_CHECKING:
    from sparring.agents.hosts import Hosts
    from sparring.agents.policy import Policy
    from sparring.arenas.costs import Price
    from sparring.arenas.run import Executor
    from sparring.envs.registry import Game

_EXAMPLES = """\
  sparring tournament kuhn-poker-v0 random nash demo@100 demo@latest
  sparring tournament kuhn-poker-v0 random nash --pairs 500 --dry-run
  sparring tournament verify runs/tournament-kuhn-poker-v0
"""


def add(commands: Commands) -> None:
    parser = command(commands, "tournament", "Play entrants against each other and rate them.", _EXAMPLES)
    parser.add_argument("game", metavar="GAME", help="a game; or `verify` and stores to check")
    parser.add_argument(
        "entrants", nargs="+", metavar="ENTRANT", help="random, an oracle, a model, RUN@STEP, RUN@latest"
    )
    parser.add_argument("--pairs", type=int, default=100, metavar="N", help="per pairing (default 100)")
    parser.add_argument(
        "--schedule",
        choices=("round-robin", "gauntlet", "ladder", "swiss", "information"),
        default="round-robin",
        help="who meets whom (default round-robin)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first pair (default 0)")
    parser.add_argument("--anchor", default="mean", metavar="WHO", help="rated 0 (default: the mean)")
    parser.add_argument("--control", action="store_true", help="A/A: enter the first entrant twice")
    parser.add_argument("--out", metavar="RUN", help="run that keeps it (default: runs/tournament-GAME)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")
    parser.add_argument(
        "--executor", choices=("local", "ray"), default="local", help="where games are played (default local)"
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="WHO=IN,OUT",
        help="what an entrant's tokens cost per million, read and written",
    )
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_engine(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.game == "verify":
        load_games(arguments)
        return _verify(arguments.entrants)
    if arguments.executor == "ray" and arguments.engine not in ("auto", "transformers"):
        raise ArgumentError("--executor ray plays on transformers; leave out --engine")
    with hosts_for(arguments.engine) or nullcontext() as hosts:
        return _run(arguments, hosts)


def _run(arguments: argparse.Namespace, hosts: Hosts | None) -> int:
    from sparring.agents.seats import seat
    from sparring.arenas.report import tournament_report
    from sparring.arenas.report.terminal import show
    from sparring.arenas.tournament import Plan, tournament

    game = chosen_game(arguments)
    names = list(dict.fromkeys(arguments.entrants))
    if len(names) < 2 and not arguments.control:
        raise ArgumentError(f"a tournament needs two entrants or more; came: {', '.join(names)}")
    if arguments.pairs < 1:
        raise ArgumentError(f"--pairs {arguments.pairs}: expected 1 or more")
    prices = _prices(arguments.price, names)
    entrants = [seat(name, game, hosts=hosts) for name in names]
    ids = dict(zip(names, [entrant.ref.id for entrant in entrants], strict=True))
    folder = store_folder(arguments.out, f"tournament-{game.id}", make=not arguments.dry_run)
    outcome = tournament(
        game,
        entrants,
        folder / "store.sqlite",
        pairs=arguments.pairs,
        schedule=arguments.schedule,
        seed=arguments.seed,
        control=arguments.control,
        executor=_executor(arguments, game, ids, prices),
        dry_run=arguments.dry_run,
        anchor=arguments.anchor,
        say=partial(print, flush=True),
    )
    if isinstance(outcome, Plan):
        return 0
    show(outcome.leaderboard, outcome.names)
    for status, count in sorted(outcome.voids.items()):
        print(f"{count} games came to nothing ({status}) and are not rated; run again to play them")
    print(f"games, replays and graphs: {tournament_report(folder / 'store.sqlite', folder / 'report.html')}")
    return 0


def _prices(given: list[str], names: list[str]) -> dict[str, Price]:
    """`["demo@5=0.1,0.4"]` as prices by entrant. Raises ArgumentError for who does not play."""
    from sparring.arenas.costs import Price

    found: dict[str, Price] = {}
    for who, text in pairs(given, "--price", "WHO=IN,OUT").items():
        if who not in names:
            raise ArgumentError(f"--price {who}: no such entrant; there are {', '.join(names)}")
        try:
            tokens_in, tokens_out = map(float, text.split(","))
        except ValueError:
            raise ArgumentError(f"--price {who}={text}: expected two numbers, IN,OUT") from None
        found[who] = Price(tokens_in, tokens_out)
    return found


def _executor(
    arguments: argparse.Namespace, game: Game, ids: dict[str, str], prices: dict[str, Price]
) -> Callable[[Mapping[str, Policy]], Executor]:
    """Games in this process, or on the actors of a Ray cluster, which seat the entrants by their names."""
    from sparring.arenas.run import Local
    from sparring.sandbox.lazy import Lazy

    costs = {ids[name]: price for name, price in prices.items()}
    if arguments.executor == "local":
        return partial(Local, verifier=Lazy(arguments.verifier, announce), prices=costs)
    specs = {id: name for name, id in ids.items()}
    try:
        from sparring.arenas.cluster import Ray
    except ModuleNotFoundError:
        raise ArgumentError("--executor ray needs Ray: pip install 'sparring[ray]'") from None
    loaded = [str(Path(file).resolve()) for file in arguments.load]
    return lambda _: Ray(
        partial(_seated, game),
        specs,
        games=loaded,
        prices=costs,
        verifier=partial(Lazy, arguments.verifier),
    )


def _seated(game: Game, spec: str) -> Policy:
    from sparring.agents.seats import seat

    return seat(spec, game)


def store_folder(out: str | None, name: str, *, make: bool) -> Path:
    """The folder under `runs/` (or the path) that keeps a store, made where it is to be written."""
    folder = run_folder(out or re.sub(r"[^\w.-]+", "-", name))
    if make:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def store_of(name: str) -> Path:
    """The store of a run (its name or folder), or the store file itself; whether there is one or not."""
    folder = found_folder(name)
    return folder if folder.is_file() else folder / "store.sqlite"


def _verify(stores: list[str]) -> int:
    from sparring.arenas.verify import verify

    faults = [fault for name in stores for fault in verify(store_of(name))]
    for fault in faults:
        print(fault)
    print(
        f"{len(faults)} fault{'s' * (len(faults) > 1)} found"
        if faults
        else "every rating and every transcript is as recorded"
    )
    return 2 if faults else 0
