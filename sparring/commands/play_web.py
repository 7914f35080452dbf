"""`sparring play GAME --web`: the table in the browser."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .address import HOST, add_address, needed
from .options import ArgumentError, hosting, seated, thinking_of
from .output import announce

if TYPE_CHECKING:
    from sparring.agents.policy import Policy, Sampling
    from sparring.envs.registry import Game

PORT = 8020


def add_web(parser: argparse.ArgumentParser) -> None:
    web = parser.add_argument_group("in the browser")
    web.add_argument(
        "--web",
        action="store_true",
        help="a table in the browser: any seat, against anybody, or two people",
    )
    web.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="WHO",
        help="an entrant to choose at the table, beside the game's own players and checkpoints in runs/; "
        "the first sits wherever --seat names nobody",
    )
    web.add_argument(
        "--out",
        default="",
        metavar="RUN",
        help="run that keeps rated games of people, where they agree (default: runs/people-GAME)",
    )
    add_address(parser, PORT)


def run(
    arguments: argparse.Namespace, game: Game, placed: dict[str, str], sampling: Sampling
) -> int:
    needed("sparring play --web")
    from sparring.agents.run_folder import RunFolder, named, run_folder
    from sparring.sandbox.choose import Lazy
    from sparring.web.pages import opened
    from sparring.web.play import Room, serve
    from sparring.web.seats import PERSON

    for flag in ("shots", "watch", "show_prompts", "delay", "seed", "json"):
        if getattr(arguments, flag):
            raise ArgumentError(f"--{flag.replace('_', '-')} is of games without --web")
    if arguments.games != 1:
        raise ArgumentError(
            "--games is of games without --web; at the table, play as many as you like"
        )
    offered = _offered(game, [*arguments.against, *placed.values()])
    out = named(arguments.out or f"people-{game.id.replace('/', '-')}")

    thinking = thinking_of(arguments, game)
    # the port first: models take seconds to load
    listening, address, token = opened(arguments.host, arguments.port, "")
    with listening, hosting(arguments.engine) as hosts:

        def seat(name: str) -> Policy:
            return seated(name, game, hosts, sampling, thinking)

        room = Room(
            game,
            offered,
            seat,
            store=RunFolder(run_folder(out)).store,
            verifier=Lazy(arguments.verifier, announce),
            seats={s: PERSON if who == "human" else who for s, who in placed.items()},
        )
        # a name that is none is told here, and not at a table
        for name in dict.fromkeys([*arguments.against, *placed.values()]):
            if name != "human":
                room.ready(name)
        serve(
            room,
            listening,
            token=token,
            host=arguments.host,
            started=lambda: print(f"open {address} ; Ctrl-C ends the table", flush=True),
        )
    return 0


def facing(named: dict[str, str], against: list[str]) -> dict[str, str]:
    """Who `--seat` names, by place; the first of `--against` everywhere else."""
    return {"*": against[0], **named} if against else named


def refuse_alone(arguments: argparse.Namespace) -> None:
    """Raises ArgumentError for flags of the table in the browser where there is none."""
    defaults = {"against": [], "out": "", "host": HOST, "port": PORT}
    for flag, default in defaults.items():
        if getattr(arguments, flag) != default:
            raise ArgumentError(f"--{flag} is of the table in the browser: add --web")


def _offered(game: Game, named: list[str]) -> list[str]:
    """Who can be chosen: those named, the game's scripted players, and checkpoints of its runs."""
    from sparring.agents.run_folder import RUNS, RunFolder, RunFolderError
    from sparring.agents.scripted import scripted_names

    found = [*named, *scripted_names(game)]
    for path in sorted(RUNS.glob("*")):
        folder = RunFolder(path)
        try:
            if game.id in folder.games and folder.steps:
                found.append(f"{path.name}@latest")
        # damaged settings of some run are no reason to refuse a game
        except RunFolderError:
            continue
    return [name for name in dict.fromkeys(found) if name != "human"]
