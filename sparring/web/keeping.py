"""A game that a person played, kept in a store as a rated game of that person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from sparring.arenas.fixture import Settled, fixtures, places, settle
from sparring.arenas.results import Block
from sparring.arenas.store.store import Store
from sparring.arenas.transcript import write
from sparring.envs.registry import Game
from sparring.envs.types import Episode, PolicyRef

from .seats import SeatError

LONGEST_NAME: Final = 40


def name_of(text: str) -> str:
    """A person's name as it is kept. Raises SeatError for none, and for one that nobody could read."""
    name = " ".join(text.split())
    if not name or not name.isprintable() or len(name) > LONGEST_NAME:
        raise SeatError(f"a name has 1 to {LONGEST_NAME} printable characters")
    return name


def keep(path: Path, game: Game, episode: Episode, names: dict[str, str]) -> str:
    """Record the game with people under their `names` by seat. Returns what was done, in one line.

    It is a block of its own: a person who had played the other seating of the same cards would know them,
    so there is none. Raises SeatError where the game cannot be rated, and StoreError.
    """
    if episode.ending.kind == "error":
        raise SeatError("a game that broke off is no result, and is not kept")
    seats = {
        seat: PolicyRef(names[seat], f"human/{names[seat]}") if seat in names else ref
        for seat, ref in episode.seats.items()
    }
    seating = {place: _holder(game, place, seats) for place in places(game)}
    if len(set(seating.values())) < 2:
        raise SeatError("everybody at this table is one and the same, so there is nobody to rate")

    judges = {role: _holder(game, role, seats) for role in game.roles if role in game.judges}
    block = Block(0, episode.seed, episode.replicate, tuple(seating.values()), (seating,))
    (fixture,) = fixtures(game, block, "rating", judges)
    told = replace(episode, seats=seats)

    with Store(path) as store:
        for ref in seats.values():
            store.enter(ref, {"human": True} if ref.id.startswith("human/") else {})
        row = settle(fixture, told)
        new = store.record(
            [Settled(fixture, row, write(told), verifier=told.verifier, worker="web")]
        )
    people = " and ".join(dict.fromkeys(names.values()))
    return f"kept for {people} in {path.parent}" if new else f"it was in {path.parent} already"


def _holder(game: Game, place: str, seats: dict[str, PolicyRef]) -> str:
    """Who holds a rated place: a seat, or all seats of a role."""
    held = [seat for seat, role in game.role_of.items() if place in (seat, role)]
    ids = {seats[seat].id for seat in held}
    if len(ids) > 1:
        raise SeatError(f"{game.id} is rated by role, and here several hold the role {place}")
    return ids.pop()
