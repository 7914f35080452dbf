"""`sparring league`: a league's pool, its win rates, and the opponents a learner would meet next."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from sparring.agents.run_folder import RunFolder

from .options import MANY, ArgumentError, Commands, add_load, command, load_games, whole
from .output import answer, table
from .stores import store_of

if TYPE_CHECKING:
    from sparring.arenas.league import League

_EXAMPLES = """\
  sparring league in-league                 the pool, the win rates, and what comes next
  sparring league in-league --matches 1000       how often each, over the next thousand
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "league", "Show a league: its pool, win rates, and next opponents.", _EXAMPLES
    )
    parser.add_argument(
        "store", metavar="RUN", help="a run's name under runs/, its folder, or a store"
    )
    parser.add_argument(
        "--matches",
        type=whole(1, MANY),
        default=200,
        metavar="N",
        help="to look ahead (default 200)",
    )
    add_load(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from sparring.arenas.league import league_of
    from sparring.arenas.store.reading import Archive
    from sparring.envs.registry import find

    # The store names its games; those of a run's own files must be registered before they are found.
    load_games(arguments)
    path = store_of(arguments.store)
    RunFolder(path.parent).load_games()

    found: list[dict[str, object]] = []
    with Archive(path) as archive:
        for ref in archive.games():
            league = league_of(archive, find(ref.id, **dict(ref.parameters)))
            if not league.learners:
                raise ArgumentError(
                    f"{path} holds no league; training with opponents from one makes it"
                )

            names = {entrant.id: entrant.name for entrant in archive.entrants()}
            print(f"{ref.id}: {len(league.learners)} learners, {len(league.pool)} snapshots")
            for learner, kind in league.learners.items():
                met = _ahead(league, learner, names, arguments.matches)
                found.append(
                    {"game": ref.id, "learner": names[learner], "kind": kind, "opponents": met}
                )
                _show(f"{names[learner]} ({kind})", met, league.measure, arguments.matches)
    answer(found)
    return 0


def _ahead(
    league: League, learner: str, names: dict[str, str], matches: int
) -> list[dict[str, Any]]:
    """Each opponent: how often it comes among the next matches, why, and how the learner fared."""
    # The league draws, so what comes next is a share of many draws and not one name.
    ahead = [league.next_match(learner) for _ in range(matches)]
    often = Counter(match.opponent for match in ahead)
    reasons = {match.opponent: match.reason for match in ahead}

    found: list[dict[str, Any]] = []
    for opponent in [learner, *league.pool]:
        rate = league.rate(learner, opponent)
        found.append(
            {
                "opponent": names[opponent],
                "share": often[opponent] / matches,
                "rate": rate.value if rate.games else None,
                "games": rate.games,
                "reason": reasons.get(opponent, ""),
            }
        )
    return found


def _show(who: str, met: list[dict[str, Any]], measure: str, matches: int) -> None:
    rows = [
        (
            each["opponent"],
            f"{each['share']:.1%}",
            "not met yet" if each["rate"] is None else f"{each['rate']:.2f}",
            f"{each['games']:,}",
            each["reason"],
        )
        for each in met
    ]
    heads = ("opponent", f"of the next {matches:,}", measure, "games", "why")
    table(heads, rows, title=who, numbers=(1, 2, 3))
