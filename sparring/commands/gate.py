"""`sparring gate`: is the new one better than the old."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from sparring.agents.folders import run_folder

from .options import ArgumentError, Commands, add_load, add_set, add_verifier, announce, chosen_game, command

if TYPE_CHECKING:
    from sparring.envs.registry import Game

_EXAMPLES = """\
  sparring gate demo@200 demo@100                     on the game of the run `demo`
  sparring gate nash random --game kuhn-poker-v0      any two players
  sparring gate demo@200 demo@100 --high 30 --dry-run
"""


def add(commands: Commands) -> None:
    parser = command(commands, "gate", "Test whether the new one is better than the old.", _EXAMPLES)
    parser.add_argument("new", metavar="NEW", help="random, an oracle, a model, RUN@STEP, RUN@latest")
    parser.add_argument("old", metavar="OLD", help="whom it must beat")
    parser.add_argument("--game", metavar="GAME", help="default: the game that NEW's run trains on")
    parser.add_argument("--low", type=float, metavar="X", help="not better than this (default 0)")
    parser.add_argument(
        "--high",
        type=float,
        metavar="X",
        help="better by this: Elo (default 50), or payoff (1/40 of the range)",
    )
    parser.add_argument("--alpha", type=float, default=0.05, metavar="P", help="false passes (default .05)")
    parser.add_argument("--beta", type=float, default=0.05, metavar="P", help="false failures (default .05)")
    parser.add_argument("--pairs", type=int, default=400, metavar="N", help="at most (default 400)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument(
        "--out", default="gates", metavar="RUN", help="run that keeps it (default: runs/gates)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0: better; 1: not better, or undecided."""
    from sparring.agents.seats import seat
    from sparring.arenas.gatekeeping import Ruling, gate, gate_of
    from sparring.arenas.run import Local
    from sparring.sandbox.lazy import Lazy

    game = _game(arguments)
    test = gate_of(
        game,
        arguments.low,
        arguments.high,
        alpha=arguments.alpha,
        beta=arguments.beta,
        pairs=arguments.pairs,
    )
    ruling = gate(
        game,
        seat(arguments.new, game),
        seat(arguments.old, game),
        run_folder(arguments.out) / "store.sqlite",
        test,
        seed=arguments.seed,
        executor=partial(Local, verifier=Lazy(arguments.verifier, announce)),
        dry_run=arguments.dry_run,
        say=lambda line: print(line, flush=True),
    )
    if not isinstance(ruling, Ruling):
        return 0
    print(f"{arguments.new} against {arguments.old}: {ruling.decision.outcome or 'not decided'}")
    return 0 if ruling.decision.outcome == "better" else 1


def _game(arguments: argparse.Namespace) -> Game:
    if not arguments.game:
        from sparring.agents.seats import checkpoint
        from sparring.training.settings import read

        name, at, step = arguments.new.rpartition("@")
        if not at:
            raise ArgumentError(f"{arguments.new!r} is no checkpoint of a run; name the game with --game")
        arguments.game = read(checkpoint(name, step).parent.parent / "config.toml").game
    return chosen_game(arguments)
