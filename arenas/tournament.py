"""A tournament: entrants, a plan of pairs, what the store lacks of it, games, rows, ratings.

The plan depends on its arguments alone, so the same call resumes what was broken off, and a call with
more pairs goes on from where a smaller one ended. Ratings are fitted anew from all rows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import asdict, dataclass
from itertools import combinations
from math import isinf
from pathlib import Path
from typing import Any

from ..agents.policy import Policy
from ..envs.errors import SparringError
from ..envs.registry import Game
from ..envs.types import GameRef, PolicyRef
from .entrants import known
from .executors.local import Executor, Local, carry_out
from .fixture import Fixture, Settled, fixtures, places
from .plan.power import Meetings, assumed, detects, spread
from .plan.rounds import ADAPTIVE, Ancestry, Issue, Schedule, rounds, size
from .ratings.leaderboard import rate
from .ratings.spending import expected, spending
from .results import STATISTICS, GameRow, Leaderboard, Pair, ScoreKind
from .store.origins import inherited
from .store.reading import Archive
from .store.store import Store
from .transcript import canonical

Say = Callable[[str], None]


class TournamentError(SparringError, ValueError):
    """A tournament cannot be held as asked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tournament will play. `tokens` is None until some game has been played.

    `resolves` is the difference, in `unit`, that the intervals of two entrants resolve with chance 80 % once
    all is played; `measured` tells whether the games' spread is that of games in the store, or assumed.
    An adaptive schedule may play fewer than `missing` games.
    """

    game: GameRef
    entrants: tuple[PolicyRef, ...]
    pairs: int
    games: int
    missing: int
    tokens: float | None
    resolves: float
    unit: str
    measured: bool

    def __str__(self) -> str:
        spent = "" if self.tokens is None else f", about {self.tokens:,.0f} tokens"
        return (
            f"{self.game.id}: {len(self.entrants)} entrants, {self.pairs:,} pair{'s' * (self.pairs > 1)}, "
            f"{self.games:,} games; "
            f"{self.games - self.missing:,} recorded, {self.missing:,} to play{spent}; "
            f"can resolve differences of {self.resolves:.3g} {self.unit} (chance 80 %, "
            f"spread {'as measured' if self.measured else 'assumed'})"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tournament after it ran. `voids` counts, by status, the games that failed in every attempt."""

    plan: Plan
    leaderboard: Leaderboard
    names: Mapping[str, str]
    voids: Mapping[str, int]


def tournament(
    game: Game,
    entrants: Sequence[Policy],
    store: str | Path | Store,
    *,
    pairs: int = 50,
    schedule: Schedule = "round-robin",
    seed: int = 0,
    control: bool = False,
    judges: Mapping[str, Policy] | None = None,
    executor: Callable[[Mapping[str, Policy]], Executor] = Local,
    ancestry: Ancestry | None = None,
    forfeits: bool = True,
    anchor: str = "mean",
    say: Say = lambda _: None,
    run: Callable[[Coroutine[Any, Any, Counter[str]]], Counter[str]] = asyncio.run,
) -> Outcome:
    """Hold a tournament and rate it. `plan` tells what that would play, and plays nothing.

    `pairs` and `ancestry` as `rounds` takes them. `executor` is given all players by id. `anchor` is the
    entrant whose rating is 0, by name or id; `forfeits=False` rates only pairs without one. `store` is a
    path, or a store that stays open; `run` plays, in an event loop of its own unless another is given. Raises
    EntrantError, TournamentError, ResultsError, RunError or StoreError; games already played are never lost.
    """
    players = known(entrants, control=control)
    call = Call(game, players, pairs, schedule, seed, judges or {}, ancestry)

    with nullcontext(store) if isinstance(store, Store) else Store(store) as base:
        base.admit(game)
        # a wrong name is told now and not after hours of games
        _anchored(anchor, [policy.ref for policy in players.values()], base)
        everyone = {**players, **{policy.ref.id: policy for policy in call.judges.values()}}
        for policy in everyone.values():
            # rows name entrants by id; the store must know whose they are
            base.enter(policy.ref)

        planned = call.plan(base)
        say(str(planned))
        voids = run(_play(base, call, executor(everyone), planned, say))
        return _rated(base, game, planned, voids, anchor, forfeits)


def plan(
    game: Game,
    entrants: Sequence[Policy],
    store: str | Path,
    *,
    pairs: int = 50,
    schedule: Schedule = "round-robin",
    seed: int = 0,
    control: bool = False,
    judges: Mapping[str, Policy] | None = None,
    ancestry: Ancestry | None = None,
) -> Plan:
    """What `tournament` with the same arguments would play, given the games that the store holds.

    Nothing is played or written, and the store need not exist. Raises EntrantError, TournamentError or
    StoreError.
    """
    players = known(entrants, control=control)
    call = Call(game, players, pairs, schedule, seed, judges or {}, ancestry)

    path = Path(store)
    # a plan writes nothing, so no store is made for it
    with Archive(path) if path.exists() else nullcontext() as archive:
        return call.plan(archive)


def _anchored(anchor: str, taking: Sequence[PolicyRef], store: Archive) -> None:
    """Raises TournamentError where no entrant has the anchor's name or id, before anything is played."""
    past = {entrant.id for entrant in store.entrants()}
    names = [ref.name for ref in taking]

    if anchor not in {"mean", *names, *(ref.id for ref in taking), *past}:
        raise TournamentError(
            f"no entrant {anchor!r} to be the anchor; there are {', '.join(names)}, or mean"
        )


def fits(game: Game, entrants: int, schedule: Schedule) -> None:
    """Raises TournamentError where so many entrants cannot play this game on this schedule."""
    where = places(game)
    if game.score is None:
        raise TournamentError(
            f"{game.id} cannot be rated: it declares no score; `sparring exam` compares players there"
        )

    if not 2 <= len(where) <= entrants:
        needs = "two places or more" if len(where) < 2 else f"at least {len(where)} entrants"
        raise TournamentError(
            f"{game.id} seats {len(where)} rated entrants a game, and {entrants} came; "
            f"a tournament needs {needs}"
        )
    if len(where) > 2 and schedule != "round-robin":
        raise TournamentError(
            f"a {schedule} needs a game of two places; {game.id} has {len(where)}"
        )


@dataclass(frozen=True)
class Call:
    """What a tournament was asked for: all that its plan depends on. `players` by entrant id.

    Raises TournamentError where these players cannot play the game on this schedule.
    """

    game: Game
    players: Mapping[str, Policy]
    pairs: int
    schedule: Schedule
    seed: int
    judges: Mapping[str, Policy]
    ancestry: Ancestry | None = None

    def __post_init__(self) -> None:
        fits(self.game, len(self.players), self.schedule)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.players)

    @property
    def kind(self) -> ScoreKind:
        return self.game.score or "win"

    def rounds(self) -> Generator[list[Fixture], Sequence[GameRow], None]:
        """The games of each round; send the rows of all issued so far to get the next."""
        issue = Issue(self.game, self.seed)
        sitting = {role: policy.ref.id for role, policy in self.judges.items()}
        source = rounds(self.schedule, self.game, self.names, self.pairs, self.ancestry)
        groups = next(source, None)

        while groups is not None:
            blocks = issue(groups)
            # rows come back in, since an adaptive schedule pairs by results
            rows = yield [
                game for b in blocks for game in fixtures(self.game, b, "rating", sitting)
            ]
            try:
                groups = source.send(rows)
            except StopIteration:
                groups = None

    def plan(self, store: Archive | None) -> Plan:
        """What the tournament will play; `store` holds the games that are there already."""
        met, games, done = self._meetings(store)
        missing = games - done
        rows = store.rows(self.game, voids=False) if store else []

        # an entrant without games is expected to use what the others use
        uses = expected(spending(rows), self.names)
        seated = len(places(self.game))
        tokens = missing * seated * sum(uses) / len(uses) if rows else None

        # blocks of more than two places have no single score whose spread could be measured
        measured = spread(rows, self.kind) if seated == 2 else None
        # the spread is that of a pair's mean; that of one game is twice as much
        variance = 2 * (measured or assumed(self.kind, *self.game.payoff_range))

        return Plan(
            game=self.game.ref,
            entrants=tuple([policy.ref for policy in self.players.values()]),
            pairs=round(sum(met.values())),
            games=games,
            missing=missing,
            tokens=tokens,
            resolves=detects(met, self.kind, variance),
            unit="Elo" if self.kind == "win" else "payoff",
            measured=measured is not None,
        )

    def _meetings(self, store: Archive | None) -> tuple[Meetings, int, int]:
        """How often each group will meet, how many games that is, and how many are recorded."""
        if self.schedule in ADAPTIVE:
            blocks = size(self.schedule, self.game, self.names, self.pairs)
            # pairings are not known yet: meetings are taken as even over all couples
            couples = list(combinations(self.names, 2))
            return dict.fromkeys(couples, blocks / len(couples)), blocks * 2, 0

        issued = next(self.rounds())
        # by the leg in which all sit: a block counts as one meeting, and may hold mirror games
        groups: dict[str, tuple[str, ...]] = {}
        for game in issued:
            who = tuple([who for _, who in game.places])
            if len(set(who)) == len(who):
                groups.setdefault(game.pair, who)
        met = Counter(groups.values())
        done = len(store.recorded([game.key for game in issued])) if store else 0
        return met, len(issued), done


async def _play(
    store: Store, call: Call, executor: Executor, planned: Plan, say: Say
) -> Counter[str]:
    """Play what is missing, round by round; returns how many games stayed void, by status.

    Raises TournamentError where every game failed.
    """
    voids: dict[str, Settled] = {}
    done, step = 0, max(1, planned.missing // 20)
    issued: set[str] = set()
    source = call.rounds()
    games = next(source, None)

    while games is not None:
        async with aclosing(carry_out(store, games, executor)) as outcomes:
            async for settled in outcomes:
                if settled.row.void:
                    voids[settled.row.key] = settled
                    continue
                # a later attempt has played what an earlier one could not
                voids.pop(settled.row.key, None)
                done += 1
                if done % step == 0:
                    say(f"{done:,} of {planned.missing:,} games")

        # only an adaptive schedule looks at results: the others are spared the reading
        issued |= {game.key for game in games}
        rows: list[GameRow] = []
        if call.schedule in ADAPTIVE:
            rows = [row for row in store.rows(call.game, voids=False) if row.key in issued]
        try:
            games = source.send(rows)
        except StopIteration:
            games = None

    # a resumed tournament has games to rate, even where all new ones failed
    if voids and not done and planned.missing == planned.games:
        one = next(iter(voids.values()))
        raise TournamentError(f"every game failed; the first is {one.row.status}: {one.reason}")
    return Counter(settled.row.status for settled in voids.values())


def _rated(
    store: Store, game: Game, planned: Plan, voids: Counter[str], anchor: str, forfeits: bool
) -> Outcome:
    by_name = {ref.name: ref.id for ref in planned.entrants}
    # ratings come of all rows, so the names of all who ever played are needed
    names = {entrant.id: entrant.name for entrant in store.entrants()}
    # lists and not tuples, as settings come back from JSON
    descent = [list(edge) for edge in inherited(store, list(names))]

    settings = {"anchor": by_name.get(anchor, anchor), "forfeits": forfeits, "lineage": descent}
    board = leaderboard(store.rows(game), game, settings)
    # kept with its settings, so that `verify` can work it out again
    store.find("ratings", game, settings, text(board))
    return Outcome(planned, board, names, voids)


def leaderboard(
    rows: Iterable[GameRow],
    game: Game,
    settings: Mapping[str, Any],
    pairs: Sequence[Pair] | None = None,
) -> Leaderboard:
    """The ratings of rows under the settings of a finding; `pairs` where they are known already."""
    kind: ScoreKind = game.score or "win"
    descent = [(parent, child) for parent, child in settings.get("lineage", ())]
    anchor, forfeits = settings["anchor"], settings["forfeits"]
    return rate(rows, kind, anchor=anchor, forfeits=forfeits, lineage=descent, pairs=pairs)


def text(board: Leaderboard) -> str:
    """A leaderboard as canonical text without seconds: equal texts are equal to the last bit."""
    data = asdict(board)
    for line in data["standings"]:
        # seconds differ from machine to machine, and ratings do not
        del line["seconds"]
    return canonical({**_written(data), "statistics": STATISTICS})


def _written(data: Any) -> Any:
    """The data with open ends of intervals as text, since JSON has no infinity."""
    if isinstance(data, float) and isinf(data):
        return "∞" if data > 0 else "-∞"
    if isinstance(data, dict):
        return {key: _written(value) for key, value in data.items()}
    return [_written(value) for value in data] if isinstance(data, (list, tuple)) else data
