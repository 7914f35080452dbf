"""`sparring games`: what can be played, and whether a game keeps its word."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .options import (
    Commands,
    add_load,
    add_set,
    add_verifier,
    chosen_game,
    command,
    load_games,
    whole,
)
from .output import answer

if TYPE_CHECKING:
    from sparring.envs.registry import Game

_EXAMPLES = """\
  sparring games                              a table of all games
  sparring games kuhn-poker-v0                rules, parameters, facts and a sample game
  sparring games openspiel/                   the games of another library
  sparring games openspiel/kuhn_poker --set players=3
  sparring games --check my_game.py           hold a file's games to every fact they declare
  sparring games --check --seeds 100          the same for every game, with more seeds
"""
FAMILIES = (
    "reference",
    "proposer and solver",
    "attacker and defender",
    "generator and critic",
    "between equals",
    "laboratory",
    "files",
)
"""The order of the table; other families follow by name."""


def add(commands: Commands) -> None:
    parser = command(commands, "games", "List games, show one, or check your own.", _EXAMPLES)
    parser.add_argument(
        "game",
        nargs="?",
        metavar="GAME",
        help="show this game's rules and facts; NAMESPACE/ lists a library's",
    )

    parser.add_argument(
        "--check",
        nargs="?",
        const="",
        metavar="FILE|GAME",
        help="conformance-test the games of a file, one game, or (without a name) all",
    )
    parser.add_argument(
        "--seeds",
        type=whole(1, 100_000),
        default=20,
        metavar="N",
        help="games a check plays (default 20)",
    )

    add_set(parser, "a parameter of the game shown")
    add_verifier(parser)
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    load_games(arguments)

    # `--check NAME` and `NAME --check` mean the same; `--check` alone is every game.
    if arguments.check is not None:
        wanted = _wanted(arguments.check or arguments.game or "")
        return _check(wanted, arguments.seeds, arguments.verifier)
    if arguments.game and arguments.game.endswith("/"):
        return _listing(arguments.game.rstrip("/"))

    return _show(chosen_game(arguments), arguments.verifier) if arguments.game else _table()


def _table() -> int:
    from sparring.envs.registry import find, game_ids

    games = [find(id) for id in game_ids()]
    shown = {game.id: (game.id, seating(game), game.sum, game.about) for game in games}
    wide = [max(len(row[column]) for row in shown.values()) for column in range(3)]
    answer(
        [
            {
                "game": game.id,
                "family": game.family,
                "roles": dict(game.roles),
                "sum": game.sum,
                "about": game.about,
            }
            for game in games
        ]
    )

    # A terminal cuts what a game is about at its edge; a file or a pipe gets the whole line.
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for family, members in by_family(games).items():
        print(f"{family}")
        for game in members:
            id, roles, kind, about = shown[game.id]
            line = f"  {id:<{wide[0]}}  {roles:<{wide[1]}}  {kind:<{wide[2]}}  {about}"
            print(line[:room])

    print("other libraries")
    for line in _libraries():
        print(line[:room])
    return 0


def _libraries() -> Iterator[str]:
    """How many games each namespace has, or how to install what it needs."""
    from sparring.envs.registry import NAMESPACES, UNLISTED, MissingLibraryError, names

    for namespace in NAMESPACES:
        # A library that is not installed is a line of the list too: the reader learns what to install.
        try:
            found = names(namespace)
            many = f"{len(found)} games; sparring games {namespace}/"
            yield f"  {namespace + '/':<14} {UNLISTED.get(namespace, many)}"
        except MissingLibraryError as missing:
            yield f"  {namespace + '/':<14} {missing}"


def _listing(namespace: str) -> int:
    from sparring.envs.registry import UNLISTED, names

    found = names(namespace)
    answer([{"game": f"{namespace}/{name}", "about": about} for name, about in found.items()])
    if not found:
        print(f"games of {namespace}/ cannot be listed; name one as {UNLISTED[namespace]}")
        return 0
    wide = max(map(len, found)) + len(namespace) + 1
    for name, about in found.items():
        print(f"{namespace + '/' + name:<{wide}}  {about}".rstrip())
    return 0


def by_family(games: list[Game]) -> dict[str, list[Game]]:
    """The games under their families, known families first."""
    names = sorted({game.family for game in games}, key=lambda name: (name not in FAMILIES, name))
    ordered = [name for name in FAMILIES if name in names] + [n for n in names if n not in FAMILIES]
    return {name: [game for game in games if game.family == name] for name in ordered}


def seating(game: Game) -> str:
    """The roles with their numbers of seats, like `proposer, solver×8`."""
    return ", ".join(role if n == 1 else f"{role}×{n}" for role, n in game.roles.items())


def _show(game: Game, verifier: str) -> int:
    from sparring.envs.playthrough import recorded
    from sparring.sandbox.choose import Lazy

    answer(
        {
            "game": game.id,
            "family": game.family,
            "description": game.description,
            "rules": dict(game.rules),
            **facts(game),
        }
    )
    print(f"{game.id} ({game.family})\n\n{game.description}\n")
    for role, rules in game.rules.items():
        print(f"  {role} is told: {rules or 'what stands in its prompts'}")
    for name, value in facts(game).items():
        print(f"  {name:<12} {value}")

    print("\nA sample game:\n")
    print(recorded(game, verifier=lambda: Lazy(verifier)))
    return 0


def facts(game: Game) -> dict[str, str]:
    """What the game declares, as text."""
    from sparring.agents.scripted import scripted_names

    lo, hi = game.payoff_range

    # A parameter of the game is shown as --set would give it, with the bounds that --set is held to.
    within = {name: f" ({least:g} to {most:g})" for name, (least, most) in game.bounds.items()}
    given = ", ".join(
        f"{name}={value!r}{within.get(name, '')}" for name, value in game.parameters.items()
    )
    judges = f" (judges, never paid: {', '.join(game.judges)})" if game.judges else ""
    together = ", all at once" if game.simultaneous else ""
    rated = f"by {game.score}, each {game.rated} its own entrant" if game.score else "not at all"
    if game.rated == "crossed":
        rated = f"by {game.score}, each role beside the same partners, itself among them"

    return {
        "roles": seating(game) + judges,
        "parameters": given or "none",
        "payoff": f"{lo:g} to {hi:g}, {game.sum} sum; a forfeit pays {lo - 1:g}",
        "turns": f"at most {game.max_turns}{together}",
        "rated": rated,
        "players": ", ".join(scripted_names(game)),
        **({"rules by": game.provider} if game.provider else {}),
        **({"known faults": "; ".join(game.caveats)} if game.caveats else {}),
    }


def _wanted(name: str) -> list[str]:
    """The ids to check: those of a file, one game, or all."""
    from sparring.envs.registry import find, game_ids, load

    if not name:
        return game_ids()
    # No game's id ends like a file.
    return load(name) if Path(name).suffix == ".py" else [find(name).id]


def _check(ids: list[str], seeds: int, verifier: str) -> int:
    from sparring.envs.conformance import checks
    from sparring.envs.registry import find
    from sparring.sandbox.choose import Lazy, check_name

    # also where no game runs code, and nothing would open it
    check_name(verifier)
    failed = 0
    found: list[dict[str, object]] = []
    for id in ids:
        # Each check is printed when it is done: a game that hangs shows in which one.
        for check in checks(find(id), range(seeds), verifier=lambda: Lazy(verifier)):
            failed += not check.passed
            found.append(
                {"game": id, "check": check.name, "passed": check.passed, "faults": check.faults}
            )
            mark = "ok  " if check.passed else "FAIL"
            print(f"{mark} {id} {check.name}: {check.rule}", flush=True)
            for fault in check.faults:
                print(f"       {fault}")

    answer(found)
    print(f"{failed} failed" if failed else "all checks passed")
    return 2 if failed else 0
