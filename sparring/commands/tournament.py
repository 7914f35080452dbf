"""`sparring tournament`: who is better, with intervals."""

from __future__ import annotations

import argparse

from .options import ArgumentError, Commands, add_load, add_set, add_verifier, chosen_game, command

_EXAMPLES = """\
  sparring tournament kuhn-poker-v0 random nash demo@100 demo@latest
  sparring tournament kuhn-poker-v0 random nash --pairs 500 --dry-run
"""


def add(commands: Commands) -> None:
    parser = command(commands, "tournament", "Play entrants against each other and rate them.", _EXAMPLES)
    parser.add_argument("game", metavar="GAME")
    parser.add_argument(
        "entrants", nargs="+", metavar="ENTRANT", help="random, an oracle, a model, RUN@STEP, RUN@latest"
    )
    parser.add_argument("--pairs", type=int, default=100, metavar="N", help="per pairing (default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first pair (default 0)")
    parser.add_argument("--out", metavar="RUN", help="folder of the store (default: runs/tournament-GAME)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")
    add_set(parser, "a parameter of the game")
    add_verifier(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    game = chosen_game(arguments)
    if len(set(arguments.entrants)) < 2:
        raise ArgumentError(f"a tournament needs two entrants or more; came: {', '.join(arguments.entrants)}")
    raise ArgumentError(f"{game.id}: not assembled yet")
