"""`sparring league`: a league's pool, its win rates, and the opponents a learner would meet next."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from sparring.agents.run_folder import RunFolder

from .options import MANY, ArgumentError, Commands, add_load, command, load_games, whole
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
                _show(league, learner, kind, names, arguments.matches)
    return 0


def _show(league: League, learner: str, kind: str, names: dict[str, str], matches: int) -> None:
    # The league draws, so what comes next is a share of many draws and not one name.
    ahead = [league.next_match(learner) for _ in range(matches)]
    often = Counter(match.opponent for match in ahead)
    reasons = {match.opponent: match.reason for match in ahead}

    print(f"\n{names[learner]} ({kind})")
    for opponent in [learner, *league.pool]:
        rate = league.rate(learner, opponent)
        met = f"{often[opponent] / matches:6.1%} of the next {matches}"
        won = (
            f"{league.measure} {rate.value:.2f} in {rate.games} games"
            if rate.games
            else "not met yet"
        )
        print(f"  {names[opponent]:<24} {met}   {won:<40} {reasons.get(opponent, '')}")
