"""A game that a plan calls for: who sits where, on which seed, and the key that names it for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast

from ..envs.registry import Game
from ..envs.types import Ending, Episode, GameRef
from ..envs.values import to_json
from .costs import NONE, Bill, Bills, Price, bills
from .results import Block, GameRow, Place, ResultsError, RowStatus, Seating
from .transcript import canonical

PROTOCOL: Final = 1
"""Version of how games are played; part of every key, raised when the same key could mean another game."""
Purpose: TypeAlias = Literal["rating", "gate", "league"]
PURPOSES: Final = ("rating", "gate", "league")
"""What games were played for. Only `rating` games are rated: a gate stops when it likes what it sees."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """One seating of a block, to be played. `seats` maps every seat to an entrant, judges included.

    `places` are the rated ones (`places(game)`) and who sits there. `key` is the sha256 of everything
    that decides how the game goes; a store holds at most one row of each key.
    """

    game: Game
    seats: Mapping[str, str]
    places: tuple[tuple[str, str], ...]
    seed: int
    replicate: int
    pair: str
    order: int
    leg: int
    legs: int
    purpose: Purpose
    key: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a fixture. `transcript` is empty and `reason` says why when the row is void.

    `token` is that of the lease under which it was played; without one it is taken as long as nobody
    else holds the key.
    """

    fixture: Fixture
    row: GameRow
    transcript: str = ""
    token: int | None = None
    worker: str = ""
    verifier: str = ""
    reason: str = ""


def places(game: Game) -> tuple[str, ...]:
    """What one entrant is seated at: seats, or whole roles with `rated="role"`; never a judge."""
    if game.rated == "seat":
        return game.players
    return tuple(role for role in game.roles if role not in game.judges)


def fixtures(
    game: Game, block: Block, purpose: Purpose = "rating", judges: Mapping[str, str] | None = None
) -> tuple[Fixture, ...]:
    """The games of a block, one per seating. `judges` maps each judge's role to an entrant.

    Legs are numbered by content, not by the plan's order, so that two plans which share a game agree on
    it. Raises ResultsError when a seating does not fill exactly the game's places.
    """
    wanted = places(game)
    seatings = sorted({_in_order(game, wanted, seating) for seating in block.seatings})

    # the purpose is in the name, so that rated blocks and a gate's never mix
    name = _hash([_game_data(game.ref), seatings, block.seed, block.replicate, purpose])[:16]
    return tuple(
        Fixture(
            game=game,
            seats=(seats := _seats(game, dict(seating), judges or {})),
            places=seating,
            seed=block.seed,
            replicate=block.replicate,
            pair=name,
            order=block.order,
            leg=leg,
            legs=len(seatings),
            purpose=purpose,
            key=game_key(game.ref, seats, block.seed, block.replicate),
        )
        for leg, seating in enumerate(seatings)
    )


def game_key(game: GameRef, seats: Mapping[str, str], seed: int, replicate: int) -> str:
    """The sha256, in hex, of what decides how a game goes: rules, seed, who sits where, and protocol."""
    return _hash([PROTOCOL, _game_data(game), dict(seats), seed, replicate])


def settle(
    fixture: Fixture, episode: Episode, prices: Mapping[str, Price] = MappingProxyType({})
) -> GameRow:
    """The row of an episode of this fixture; `prices` by entrant id.

    Raises ResultsError if it is of another game.
    """
    if (episode.game, episode.seed, episode.replicate) != (
        fixture.game.ref,
        fixture.seed,
        fixture.replicate,
    ):
        raise ResultsError(
            f"{fixture.game.id} on seed {fixture.seed} was to be played; "
            f"{episode.game.id} on seed {episode.seed} came back"
        )

    bill = bills(episode, fixture.seats, prices)
    # judges cost too, though no rated place is theirs
    whole = bill.of(fixture.seats)
    return GameRow(
        pair=fixture.pair,
        order=fixture.order,
        leg=fixture.leg,
        legs=fixture.legs,
        seed=fixture.seed,
        replicate=fixture.replicate,
        places=paid(fixture.game, fixture.places, episode.payoff, bill),
        status=status(episode.ending),
        offenders=_offenders(fixture, episode.ending.seats),
        tokens_in=whole.tokens_in,
        tokens_out=whole.tokens_out,
        cost=whole.cost,
        key=fixture.key,
    )


def void(fixture: Fixture, source: str) -> GameRow:
    """The row of an attempt that failed, by the `source` of its fault: `engine`, `context`, `worker` …"""
    # an empty episode: nothing was reported, so nothing is paid or billed
    row = settle(
        fixture,
        Episode(fixture.game.ref, fixture.seed, fixture.replicate, {}, (), {}, Ending("error")),
    )
    return replace(row, status=cast(RowStatus, f"void_{source}"))


def status(ending: Ending) -> RowStatus:
    """How a row calls an ending: the four kinds, with the cause of a forfeit and the source of a fault."""
    if ending.kind == "outcome":
        return "completed"
    if ending.kind == "truncated":
        return "truncated"
    if ending.kind == "forfeit":
        return cast(RowStatus, f"forfeit_{ending.cause or 'illegal'}")
    return cast(RowStatus, f"void_{ending.source or 'env'}")


def role_of(game: Game, place: str) -> str:
    """The role of a rated place."""
    return game.role_of.get(place, place)


def paid(
    game: Game, seated: Sequence[tuple[str, str]], payoff: Mapping[str, float], bill: Bills = NONE
) -> tuple[Place, ...]:
    """What each (place, entrant) was paid, and what it used.

    A role of several seats is paid their mean and uses their sum; after a fault every place is paid 0.
    """
    return tuple(
        [
            _place(p, role_of(game, p), who, amount(game, p, payoff), bill.of(_held(game, p)))
            for p, who in seated
        ]
    )


def amount(game: Game, place: str, payoff: Mapping[str, float]) -> float:
    """What a rated place is paid: its seat's payoff, or the mean over the seats of a role."""
    if place in game.role_of:
        return payoff.get(place, 0.0)
    mine = _held(game, place)
    return sum([payoff.get(seat, 0.0) for seat in mine]) / len(mine)


def _held(game: Game, place: str) -> Sequence[str]:
    """The seats of a rated place: the seat itself, or all of a role."""
    if place in game.role_of:
        return (place,)
    return [seat for seat, role in game.role_of.items() if role == place]


def _place(place: str, role: str, entrant: str, payoff: float, bill: Bill) -> Place:
    return Place(
        place, role, entrant, payoff, bill.tokens_in, bill.tokens_out, bill.seconds, bill.cost
    )


def _in_order(game: Game, wanted: Sequence[str], seating: Seating) -> tuple[tuple[str, str], ...]:
    if set(seating) != set(wanted):
        raise ResultsError(
            f"{game.id} is rated by {', '.join(wanted)}; a seating names {', '.join(seating)}"
        )
    return tuple([(place, seating[place]) for place in wanted])


def _seats(game: Game, seating: Mapping[str, str], judges: Mapping[str, str]) -> dict[str, str]:
    by_place = {**seating, **judges}
    # a game may have its judge under some parameters only
    missing = [role for role in game.judges if role in game.roles and role not in judges]
    if missing:
        raise ResultsError(
            f"{game.id} needs an entrant as {', '.join(missing)}; name one for each judge"
        )
    # a place is a seat, or a role whose seats one entrant holds
    return {seat: by_place.get(seat) or by_place[role] for seat, role in game.role_of.items()}


def _offenders(fixture: Fixture, seats: Iterable[str]) -> tuple[str, ...]:
    rated = dict(fixture.places)
    found = [seat if seat in rated else fixture.game.role_of[seat] for seat in seats]
    # several seats of a role are one place
    return tuple(dict.fromkeys(found))


def _game_data(game: GameRef) -> list[object]:
    return [game.id, [[name, to_json(value)] for name, value in game.parameters]]


def _hash(data: object) -> str:
    return sha256(canonical(data).encode()).hexdigest()
