"""`sparring gate`: is the new one better than the old one, by a test that may stop early."""

from __future__ import annotations

import argparse
from functools import partial

from .options import Commands, add_load, add_set, add_verifier, chosen_game, command

_EXAMPLES = """\
  sparring gate kuhn-poker-v0 demo@2000 demo@500
  sparring gate tic-tac-toe-v0 minimax random --dry-run
"""


def add(commands: Commands) -> None:
    parser = command(commands, "gate", "Decide whether one entrant is better than another.", _EXAMPLES)
    parser.add_argument("game", metavar="GAME")
    parser.add_argument("new", metavar="NEW", help="as for `sparring tournament`")
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("--low", type=float, metavar="X", help="not better: Elo, or payoff (default 0)")
    parser.add_argument(
        "--high", type=float, metavar="X", help="better: Elo (50), or payoff (1/40 of its range)"
    )
    parser.add_argument("--pairs", type=int, default=400, metavar="N", help="at most (default 400)")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of the gate's own games (default 0)"
    )
    parser.add_argument("--out", metavar="RUN", help="folder of the store (default: runs/gate-GAME)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0: decided or planned; the decision is printed."""
    from sparring.agents.seats import seat
    from sparring.arenas.gatekeeping import gate, gate_of
    from sparring.arenas.run import Local
    from sparring.sandbox.lazy import Lazy

    from .tournament import store_folder

    game = chosen_game(arguments)
    test = gate_of(game, arguments.low, arguments.high, pairs=arguments.pairs)
    new, old = (seat(name, game) for name in (arguments.new, arguments.old))
    folder = store_folder(arguments.out, f"gate-{game.id}", make=not arguments.dry_run)
    gate(
        game,
        new,
        old,
        folder / "store.sqlite",
        test,
        seed=arguments.seed,
        executor=partial(Local, verifier=Lazy(arguments.verifier)),
        dry_run=arguments.dry_run,
        say=partial(print, flush=True),
    )
    return 0
