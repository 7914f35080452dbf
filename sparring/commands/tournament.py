"""`sparring tournament`: who is better, with intervals."""

from __future__ import annotations

import argparse
import re
from functools import partial
from pathlib import Path

from .options import ArgumentError, Commands, add_load, add_set, add_verifier, chosen_game, command

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
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first pair (default 0)")
    parser.add_argument("--anchor", default="mean", metavar="WHO", help="rated 0 (default: the mean)")
    parser.add_argument("--control", action="store_true", help="A/A: enter the first entrant twice")
    parser.add_argument("--out", metavar="RUN", help="run that keeps it (default: runs/tournament-GAME)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.game == "verify":
        return _verify(arguments.entrants)
    from sparring.agents.seats import seat
    from sparring.arenas.report import tournament_report
    from sparring.arenas.report.collect import run_folder
    from sparring.arenas.report.terminal import show
    from sparring.arenas.run import Local
    from sparring.arenas.tournament import Plan, tournament
    from sparring.sandbox.lazy import Lazy

    game = chosen_game(arguments)
    names = list(dict.fromkeys(arguments.entrants))
    if len(names) < 2 and not arguments.control:
        raise ArgumentError(f"a tournament needs two entrants or more; came: {', '.join(names)}")
    if arguments.pairs < 1:
        raise ArgumentError(f"--pairs {arguments.pairs}: expected 1 or more")
    folder = run_folder(arguments.out or "tournament-" + re.sub(r"[^\w.-]+", "-", game.id))
    entrants = [seat(name, game) for name in names]
    if not arguments.dry_run:
        folder.mkdir(parents=True, exist_ok=True)
    outcome = tournament(
        game,
        entrants,
        folder / "store.sqlite",
        pairs=arguments.pairs,
        seed=arguments.seed,
        control=arguments.control,
        executor=partial(Local, verifier=Lazy(arguments.verifier)),
        dry_run=arguments.dry_run,
        anchor=arguments.anchor,
        say=lambda line: print(line, flush=True),
    )
    if isinstance(outcome, Plan):
        return 0
    show(outcome.leaderboard, outcome.names)
    for status, count in sorted(outcome.voids.items()):
        print(f"{count} games came to nothing ({status}) and are not rated; run again to play them")
    print(f"games, replays and graphs: {tournament_report(folder / 'store.sqlite', folder / 'report.html')}")
    return 0


def _verify(stores: list[str]) -> int:
    from sparring.arenas.verify import verify

    wrong = 0
    for name in stores:
        path = Path(name)
        findings = verify(path / "store.sqlite" if path.is_dir() else path)
        for finding in findings:
            print(finding)
        wrong += len(findings)
    print(f"{wrong} faults found" if wrong else "every rating and every transcript is as recorded")
    return 2 if wrong else 0
