"""`sparring gate`: is the new one better than the old."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sparring.agents.run_folder import RunFolder

from .executors import add_executor, engine_of, executor
from .options import (
    MANY,
    SEED,
    ArgumentError,
    Commands,
    add_playing,
    chosen_game,
    command,
    hosting,
    no_person,
    real,
    seated,
    whole,
)
from .output import answer, interval, telling
from .stores import kept, store_folder

if TYPE_CHECKING:
    from sparring.agents.engines.hosts import Hosts
    from sparring.envs.registry import Game

_EXAMPLES = """\
  sparring gate demo-1@2000 demo-1@500                on the game of the run demo-1
  sparring gate nash random --game kuhn-poker-v0      any two players
  sparring gate demo-1@2000 demo-1@500 --high 30 --dry-run
"""

_SCORE = real(-1e6, 1e6)
_RATE = real(1e-9, 0.499)
"""Of wrong decisions: a test that errs half of the time is none."""


def add(commands: Commands) -> None:
    parser = command(
        commands, "gate", "Test whether the new one is better than the old.", _EXAMPLES
    )
    parser.add_argument(
        "new", metavar="NEW", help="random, an oracle, a model, RUN@STEP, RUN@latest"
    )
    parser.add_argument("old", metavar="OLD", help="the player it must beat")
    parser.add_argument("--game", metavar="GAME", help="default: the game that NEW's run trains on")

    parser.add_argument("--low", type=_SCORE, metavar="X", help="not better than this (default 0)")
    parser.add_argument(
        "--high",
        type=_SCORE,
        metavar="X",
        help="better by this: Elo (default 50), or payoff (1/20 of the range)",
    )
    parser.add_argument(
        "--normalised",
        action="store_true",
        help="bounds in nElo: leads in standard deviations of a game, whatever the share of draws",
    )
    parser.add_argument(
        "--alpha", type=_RATE, default=0.05, metavar="P", help="false passes (default .05)"
    )
    parser.add_argument(
        "--beta", type=_RATE, default=0.05, metavar="P", help="false failures (default .05)"
    )

    parser.add_argument(
        "--pairs", type=whole(1, MANY), default=400, metavar="N", help="at most (default 400)"
    )
    parser.add_argument(
        "--seed", type=SEED, default=0, metavar="S", help="of the first pair (default 0)"
    )
    parser.add_argument("--out", metavar="RUN", help="run that keeps it (default: runs/gates)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")

    add_executor(parser)
    add_playing(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0: better; 1: not better, or undecided."""
    with hosting(engine_of(arguments)) as hosts:
        return _run(arguments, hosts)


def _run(arguments: argparse.Namespace, hosts: Hosts | None) -> int:
    from sparring.arenas.gate import gate, gate_of, plan

    game = game_of(arguments)
    test = gate_of(
        game,
        arguments.low,
        arguments.high,
        alpha=arguments.alpha,
        beta=arguments.beta,
        pairs=arguments.pairs,
        normalised=arguments.normalised,
    )
    no_person((arguments.new, arguments.old))
    new, old = (seated(name, game, hosts) for name in (arguments.new, arguments.old))

    specs = {new.ref.id: arguments.new, old.ref.id: arguments.old}
    folder = store_folder(arguments.out, "gates")
    store = RunFolder(folder).store
    if arguments.dry_run:
        planned = plan(game, new, old, store, test)
        answer({"game": game.id, "pairs": planned.test.pairs, "games": planned.games})
        print(planned)
        return 0

    with kept(folder), executor(arguments, game, specs) as opened, telling() as say:
        ruling = gate(game, new, old, store, test, seed=arguments.seed, executor=opened, say=say)

    decision = ruling.decision
    answer(
        {
            "game": game.id,
            "new": arguments.new,
            "old": arguments.old,
            "outcome": decision.outcome,
            "pairs": decision.pairs,
            "curve": decision.curve,
            "unit": ruling.unit,
            "score": interval(ruling.score) if ruling.score else None,
            "given_up": ruling.given_up,
            "store": store,
        }
    )
    print(f"{arguments.new} against {arguments.old}: {ruling}")
    return 0 if ruling.decision.outcome == "better" else 1


def game_of(arguments: argparse.Namespace) -> Game:
    """The named game, or that of NEW's run, with the run's parameters and its own file."""
    if arguments.game:
        return chosen_game(arguments)

    from sparring.agents.seats import checkpoint
    from sparring.training.settings import read

    name, at, step = arguments.new.rpartition("@")
    if not at:
        raise ArgumentError(
            f"{arguments.new!r} is no checkpoint of a run; name the game with --game"
        )

    # The run's own files come first: a game of theirs must be registered before it is found.
    config = read(RunFolder(checkpoint(name, step).parents[1]).config)
    entry, *others = config.menu
    if others:
        raise ArgumentError(f"{name} plays {config.title}; name one of them with --game")
    arguments.game, arguments.load = entry.id, [*config.load, *arguments.load]
    return chosen_game(arguments, entry.parameters)
