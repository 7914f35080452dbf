"""`sparring tournament`: who is better, with intervals."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypedDict

from sparring.agents.run_folder import RunFolder
from sparring.envs.errors import did_you_mean

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
    load_games,
    no_person,
    pairs,
    seated,
    whole,
)
from .output import answer, interval, telling
from .stores import kept, store_folder, store_of

if TYPE_CHECKING:
    from sparring.agents.engines.hosts import Hosts
    from sparring.arenas.costs import Price
    from sparring.arenas.plan.rounds import Schedule
    from sparring.arenas.tournament import Outcome


class Asked(TypedDict):
    """What a plan and a tournament are both asked for."""

    pairs: int
    schedule: Schedule
    seed: int
    control: bool


_EXAMPLES = """\
  sparring tournament kuhn-poker-v0 random nash demo-1@500 demo-1@latest
  sparring tournament kuhn-poker-v0 random nash --pairs 500 --dry-run
  sparring tournament verify runs/tournament-kuhn-poker-v0
"""

PLANNED = ("pairs", "games", "missing", "tokens", "resolves", "unit", "measured")
"""What a plan says, by name."""

SHOWN = 20
"""How many faults of a store are printed."""


def add(commands: Commands) -> None:
    parser = command(
        commands, "tournament", "Play entrants against each other and rate them.", _EXAMPLES
    )
    parser.add_argument("game", metavar="GAME", help="a game; or `verify` and stores to check")
    parser.add_argument(
        "entrants",
        nargs="+",
        metavar="ENTRANT",
        help="random, an oracle, a model, RUN@STEP, RUN@latest",
    )

    parser.add_argument(
        "--pairs",
        type=whole(1, MANY),
        default=100,
        metavar="N",
        help="per pairing (default 100)",
    )
    parser.add_argument(
        "--schedule",
        choices=("round-robin", "gauntlet", "ladder", "swiss", "information"),
        default="round-robin",
        help="which pairs are played (default round-robin)",
    )
    parser.add_argument(
        "--seed", type=SEED, default=0, metavar="S", help="of the first pair (default 0)"
    )
    parser.add_argument(
        "--anchor", default="mean", metavar="WHO", help="rated 0 (default: the mean)"
    )
    parser.add_argument(
        "--without-forfeits",
        action="store_true",
        help="rate only pairs in which no game was forfeited",
    )
    parser.add_argument("--control", action="store_true", help="A/A: enter the first entrant twice")

    parser.add_argument(
        "--out", metavar="RUN", help="run that keeps it (default: runs/tournament-GAME)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and play nothing")
    parser.add_argument(
        "--all", action="store_true", help=f"of verify: all faults, not the first {SHOWN}"
    )
    add_executor(parser)
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="WHO=IN,OUT",
        help="what an entrant's tokens cost per million, read and written",
    )

    add_playing(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    if arguments.game == "verify":
        return _verify(arguments)
    with hosting(engine_of(arguments)) as hosts:
        return _run(arguments, hosts)


def _run(arguments: argparse.Namespace, hosts: Hosts | None) -> int:
    from sparring.arenas.report import tournament_report
    from sparring.arenas.report.terminal import show
    from sparring.arenas.tournament import plan, tournament

    game = chosen_game(arguments)
    names = list(dict.fromkeys(arguments.entrants))
    if len(names) < 2 and not arguments.control:
        came = ", ".join(arguments.entrants)
        raise ArgumentError(
            f"a tournament needs two entrants or more; came: {came} (--control rates one against itself)"
        )
    no_person(names)

    # The store knows entrants by their ids; people name them, and the actors of a cluster seat them so.
    prices = _prices(arguments.price, names)
    entrants = [seated(name, game, hosts) for name in names]
    specs = dict(zip([entrant.ref.id for entrant in entrants], names, strict=True))
    costs = {id: prices[name] for id, name in specs.items() if name in prices}
    folder = store_folder(arguments.out, f"tournament-{game.id}")
    store = RunFolder(folder).store
    if not store.exists():
        _check_anchor(arguments.anchor, names, list(specs))
    asked: Asked = {
        "pairs": arguments.pairs,
        "schedule": arguments.schedule,
        "seed": arguments.seed,
        "control": arguments.control,
    }
    if arguments.dry_run:
        planned = plan(game, entrants, store, **asked)
        answer({name: getattr(planned, name) for name in PLANNED} | {"game": game.id})
        print(planned)
        return 0

    with kept(folder), executor(arguments, game, specs, costs) as opened, telling() as say:
        outcome = tournament(
            game,
            entrants,
            store,
            **asked,
            executor=opened,
            anchor=arguments.anchor,
            say=say,
            forfeits=not arguments.without_forfeits,
        )

    show(outcome.leaderboard, outcome.names)
    for status, count in sorted(outcome.voids.items()):
        print(f"{count} games are void ({status}) and not rated; run again to play them")
    page = tournament_report(store, RunFolder(folder).report)
    answer({"game": game.id, "store": store, "report": page, **_data(outcome)})
    print(f"games, replays and graphs: {page}")
    return 0


def _data(outcome: Outcome) -> dict[str, object]:
    """Everything of the leaderboard, entrants by their names."""
    board, names = outcome.leaderboard, outcome.names
    standings = [
        {
            "rank": s.rank,
            "ranks": s.ranks,
            "entrant": names.get(s.entrant, s.entrant),
            "id": s.entrant,
            "rating": interval(s.rating),
            "roles": {role: interval(rating) for role, rating in s.roles.items()},
            "games": s.games,
            "pairs": s.pairs,
            "forfeits": s.forfeits or {},
            "tokens_in": s.tokens_in,
            "tokens_out": s.tokens_out,
            "seconds": s.seconds,
            "cost": s.cost,
        }
        for s in board.standings
    ]
    warnings = [{"kind": warning.kind, "text": warning.text} for warning in board.warnings]
    return {
        "unit": board.unit,
        "anchor": board.anchor,
        "leaderboard": standings,
        "warnings": warnings,
        "voids": outcome.voids,
    }


def _prices(given: list[str], names: list[str]) -> dict[str, Price]:
    """`["demo-1@5=0.1,0.4"]` as prices by entrant. Raises ArgumentError for one that does not play."""
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


def _check_anchor(anchor: str, names: list[str], ids: list[str]) -> None:
    """Raise ArgumentError for an anchor that is no entrant, before a store is made for its games."""
    known = ["mean", *names]
    if anchor not in (*known, *ids):
        hint = did_you_mean(anchor, known) or f"; there are {', '.join(known)}"
        raise ArgumentError(f"--anchor: no entrant {anchor!r}{hint}")


def _verify(arguments: argparse.Namespace) -> int:
    from sparring.arenas.verify import verify

    load_games(arguments)
    faults: list[str] = []

    # A store of a training run may hold games of the run's own files.
    for store in map(store_of, arguments.entrants):
        RunFolder(store.parent).load_games()
        faults += verify(store)
    answer({"faults": faults})
    if not faults:
        print("every rating and every transcript is as recorded")
        return 0

    # One changed byte can make thousands of ratings differ; the first faults say which.
    for fault in faults[: None if arguments.all else SHOWN]:
        print(fault)
    rest = len(faults) - SHOWN
    more = f"; {rest:,} are not shown: --all shows them" if rest > 0 and not arguments.all else ""
    print(f"{len(faults):,} fault{'s' * (len(faults) > 1)} found{more}")
    return 2
