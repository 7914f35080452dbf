"""`sparring games`: what can be played, and whether a game keeps its word."""

from __future__ import annotations

import argparse
import shutil
import sys

from .options import Commands, add_load, command, load_games

_EXAMPLES = """\
  sparring games                        a table of all games
  sparring games kuhn-poker-v0          rules, parameters, facts and a sample game
  sparring games --check my_game.py     hold a file's games to every fact they declare
"""


def add(commands: Commands) -> None:
    parser = command(commands, "games", "List games, show one, or check your own.", _EXAMPLES)
    parser.add_argument("game", nargs="?", metavar="GAME", help="show this game's rules and facts")
    parser.add_argument("--check", metavar="FILE", help="conformance-test the games of this file")
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    load_games(arguments)
    if arguments.check:
        return _check(arguments.check)
    if arguments.game:
        return _show(arguments.game)
    return _table()


def _table() -> int:
    from sparring.envs.registry import find, game_ids

    rows = [("game", "roles", "sum", "about")]
    for id in game_ids():
        game = find(id)
        roles = ", ".join(role if n == 1 else f"{role}×{n}" for role, n in game.roles.items())
        rows.append((id, roles, game.sum, game.about))
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for id, roles, kind, about in rows:
        print(f"{id:<{wide[0]}}  {roles:<{wide[1]}}  {kind:<{wide[2]}}  {about}"[:room])
    return 0


def _show(id: str) -> int:
    from sparring.envs.playthrough import recorded
    from sparring.envs.registry import find

    game = find(id)
    print(f"{game.id}: {game.about}\n")
    for role, rules in game.rules.items():
        print(f"  {role} ({game.roles[role]}): {rules or '(told in its prompts)'}")
    parameters = ", ".join(f"{name}={value!r}" for name, value in game.parameters.items())
    lo, hi = game.payoff_range
    print(f"\n  parameters   {parameters or 'none'}")
    print(f"  payoff       {lo:g} to {hi:g}, {game.sum} sum; a forfeit pays {lo - 1:g}")
    print(f"  turns        at most {game.max_turns}")
    print(f"  rated by     {game.score or 'not rated'}\n\nA sample game:\n")
    print(recorded(game))
    return 0


def _check(path: str) -> int:
    from sparring.envs.conformance import checks
    from sparring.envs.registry import find, load
    from sparring.sandbox.lazy import Lazy

    failed = 0
    for id in load(path):
        for check in checks(find(id), verifier=Lazy("auto")):
            failed += not check.passed
            print(f"{'ok  ' if check.passed else 'FAIL'} {id} {check.name}: {check.rule}")
            for fault in check.faults:
                print(f"       {fault}")
    print(f"{failed} failed" if failed else "all checks passed")
    return 2 if failed else 0
