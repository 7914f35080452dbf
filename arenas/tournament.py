"""A tournament: entrants, a plan of pairs, what the store lacks of it, games, rows, ratings.

The plan depends on its arguments alone, so the same call resumes what was broken off, and a call with
more pairs goes on from where a smaller one ended. Ratings are fitted anew from all rows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

from ..agents.policy import Policy
from ..envs.errors import SparringError
from ..envs.registry import Game
from ..envs.types import GameRef, PolicyRef
from .archive import Archive
from .fixture import Fixture, Purpose, fixtures, places
from .leaderboard import rate
from .results import Block, GameRow, Leaderboard, ScoreKind
from .run import EntrantError, Executor, Local, carry_out
from .store import Store
from .transcript import canonical

Say = Callable[[str], None]
CONTROL = "/control"
"""Ends the id under which an entrant plays a second time, as A/A control."""


class TournamentError(SparringError, ValueError):
    """A tournament cannot be held as asked."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tournament comes to before it runs. `tokens` is None until some game has been played."""

    game: GameRef
    entrants: tuple[PolicyRef, ...]
    pairs: int
    games: int
    missing: int
    tokens: float | None

    def __str__(self) -> str:
        spent = "" if self.tokens is None else f", about {self.tokens:,.0f} tokens"
        return (
            f"{self.game.id}: {len(self.entrants)} entrants, {self.pairs:,} pairs, {self.games:,} games; "
            f"{self.games - self.missing:,} recorded, {self.missing:,} to play{spent}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tournament after it ran. `voids` counts, by status, games that came to nothing in every attempt."""

    plan: Plan
    leaderboard: Leaderboard
    names: Mapping[str, str]
    voids: Mapping[str, int]


class Alias:
    """A policy under a second id, for the A/A control: same play, other name."""

    def __init__(self, policy: Policy) -> None:
        self.ref = PolicyRef(f"{policy.ref.name}′", policy.ref.id + CONTROL)
        self._policy = policy
        self.act = policy.act


def known(entrants: Iterable[Policy], *, control: bool = False) -> dict[str, Policy]:
    """The entrants by id; `control` adds the first one a second time. Raises EntrantError for a shared id."""
    taking = list(entrants)
    if control and taking:
        taking.append(Alias(taking[0]))
    by_id: dict[str, Policy] = {}
    for policy in taking:
        ref = policy.ref
        if not ref.id:
            raise EntrantError(
                f"{ref.name!r} has no id; an entrant needs one that changes with its behaviour"
            )
        if ref.id in by_id:
            other = by_id[ref.id].ref.name
            raise EntrantError(
                f"{other!r} and {ref.name!r} are the same player (id {ref.id[:16]}); name it once, and use "
                "the A/A control to rate a player against itself"
            )
        by_id[ref.id] = policy
    return by_id


def seed_of(*parts: object) -> int:
    """A seed that depends on its parts alone: purpose, run, entrants, index. 62 bits, as SQLite likes."""
    return int(sha256(canonical(parts).encode()).hexdigest()[:16], 16) >> 2


def plan(
    game: Game, ids: Sequence[str], pairs: int, seed: int = 0, purpose: Purpose = "rating"
) -> list[Block]:
    """A paired round robin, breadth first: every cell has n pairs before any has n + 1.

    Each block is one seed and every rotation of its entrants over the game's places; the seed depends
    on who plays, so the cells are independent. Raises TournamentError where the game does not fit.
    """
    where = places(game)
    if game.score is None:
        raise TournamentError(f"{game.id} cannot be rated: it declares no score")
    if not 2 <= len(where) <= len(ids):
        raise TournamentError(
            f"{game.id} is played by {len(where)} at a time; {len(ids)} entrants came, at least "
            f"{max(2, len(where))} are needed (with two places or more)"
        )
    cells = list(combinations(sorted(ids), len(where)))
    return [
        Block(
            order=index,  # not the running number: a cell's games are the same whoever else takes part
            seed=seed_of(purpose, seed, cell, index),
            replicate=0,
            entrants=cell,
            seatings=tuple(
                [dict(zip(where, cell[turn:] + cell[:turn], strict=True)) for turn in range(len(cell))]
            ),
        )
        for index in range(pairs)
        for cell in cells
    ]


def tournament(
    game: Game,
    entrants: Sequence[Policy],
    store: str | Path,
    *,
    pairs: int = 50,
    seed: int = 0,
    control: bool = False,
    judges: Mapping[str, Policy] | None = None,
    executor: Callable[[Mapping[str, Policy]], Executor] = Local,
    dry_run: bool = False,
    forfeits: bool = True,
    anchor: str = "mean",
    say: Say = lambda _: None,
) -> Outcome | Plan:
    """Hold a tournament and rate it; with `dry_run` only say what it would come to.

    `executor` is given all players by id. `anchor` is the entrant whose rating is 0, by name or id.
    Raises EntrantError, TournamentError, RunError or StoreError; games already played are never lost.
    """
    players = known(entrants, control=control)
    sitting = {role: policy.ref.id for role, policy in (judges or {}).items()}
    blocks = plan(game, list(players), pairs, seed)
    games = [fixture for block in blocks for fixture in fixtures(game, block, "rating", sitting)]
    if dry_run and not Path(store).exists():
        return _planned(game, players, blocks, games, None, say)
    if dry_run:
        with Archive(store) as archive:
            return _planned(game, players, blocks, games, archive, say)
    with Store(store) as archive:
        archive.admit(game)
        everyone = {**players, **{policy.ref.id: policy for policy in (judges or {}).values()}}
        for policy in everyone.values():
            archive.enter(policy.ref)
        planned = _planned(game, players, blocks, games, archive, say)
        voids = asyncio.run(_play(archive, games, executor(everyone), planned, say))
        return _rated(archive, game, planned, voids, anchor, forfeits)


def _planned(
    game: Game,
    players: Mapping[str, Policy],
    blocks: Sequence[Block],
    games: Sequence[Fixture],
    store: Archive | None,
    say: Say,
) -> Plan:
    done = store.recorded([fixture.key for fixture in games]) if store else set[str]()
    rows = store.rows(game, voids=False) if store else []
    missing = len(games) - len(done)
    tokens = missing * sum(row.tokens for row in rows) / len(rows) if rows else None
    refs = tuple([policy.ref for policy in players.values()])
    planned = Plan(game.ref, refs, len(blocks), len(games), missing, tokens)
    say(str(planned))
    return planned


async def _play(
    store: Store, games: Sequence[Fixture], executor: Executor, planned: Plan, say: Say
) -> Counter[str]:
    """Play what is missing; returns how many games stayed void, by status."""
    done, step = 0, max(1, planned.missing // 20)
    open_voids: dict[str, str] = {}
    async with aclosing(carry_out(store, games, executor)) as outcomes:
        async for settled in outcomes:
            if settled.row.void:
                open_voids[settled.row.key] = settled.row.status
                continue
            open_voids.pop(settled.row.key, None)
            done += 1
            if done % step == 0:
                say(f"{done:,} of {planned.missing:,} games")
    return Counter(open_voids.values())


def _rated(
    store: Store, game: Game, planned: Plan, voids: Counter[str], anchor: str, forfeits: bool
) -> Outcome:
    by_name = {ref.name: ref.id for ref in planned.entrants}
    settings = {"anchor": by_name.get(anchor, anchor), "forfeits": forfeits}
    board = leaderboard(store.rows(game), game, settings)
    store.find("ratings", game, settings, text(board))
    names = {entrant.id: entrant.name for entrant in store.entrants()}
    return Outcome(planned, board, names, voids)


def leaderboard(rows: Iterable[GameRow], game: Game, settings: Mapping[str, Any]) -> Leaderboard:
    """The ratings of rows under the settings of a finding."""
    kind: ScoreKind = game.score or "win"
    return rate(rows, kind, anchor=settings["anchor"], forfeits=settings["forfeits"])


def text(board: Leaderboard) -> str:
    """A leaderboard as canonical text without seconds: equal texts are equal to the last bit."""
    data = asdict(board)
    for line in data["standings"]:
        del line["seconds"]
    return canonical(data)
