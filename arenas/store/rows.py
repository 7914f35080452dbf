"""A game's row as the tables keep it: written here, and read back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from ...envs.types import GameRef
from ...envs.values import from_json, to_json
from ..fixture import Settled
from ..results import GameRow, Place
from ..transcript import canonical

PLAYED: Final = f"(NULL{', ?' * 26})"
"""The place of one row among VALUES for the table `played`."""
VOID: Final = f"INSERT INTO voids VALUES (NULL{', ?' * 20})"
ROW: Final = """SELECT {id}.n, {id}.seating, seed, replicate, pair, "order", leg, legs, status, {paid},
tokens_in, tokens_out, seconds, cost, used, took, hex(key)
FROM {id} JOIN seatings ON seatings.n = {id}.seating
WHERE seatings.game = ? AND purpose = ? AND {id}.n <= ?"""


def write_parameters(game: GameRef) -> str:
    """A game's parameters as canonical text."""
    return canonical([[name, to_json(value)] for name, value in game.parameters])


def read_parameters(text: str) -> tuple[tuple[str, Any], ...]:
    """What `write_parameters` wrote."""
    return tuple([(name, from_json(value)) for name, value in json.loads(text)])


def played_row(
    one: Settled, seating: int, share: float, text: bytes, place: tuple[int, int, int], attempt: int
) -> tuple[Any, ...]:
    """A played game, for `played`; its transcript `text` lies at `place`, and it took `share` seconds."""
    row = one.row
    payoff = canonical([place.payoff for place in row.places])
    offenders = canonical(row.offenders) if row.offenders else "[]"
    digest = sha256(text).digest()
    return (
        *_named(one, seating), row.status, payoff, offenders, *_spent(row, share), digest, *place,
        one.verifier, one.worker, attempt, time.time(),
    )  # fmt: skip


def void_row(one: Settled, seating: int, share: float, attempt: int) -> tuple[Any, ...]:
    """An attempt that failed, for `voids`."""
    return (
        *_named(one, seating), one.row.status, *_spent(one.row, share), one.reason, one.worker, attempt,
        time.time(),
    )  # fmt: skip


def _named(one: Settled, seating: int) -> tuple[Any, ...]:
    row = one.row
    purpose = one.fixture.purpose
    key = bytes.fromhex(row.key)
    return key, seating, row.seed, row.replicate, purpose, row.pair, row.order, row.leg, row.legs


def _spent(row: GameRow, share: float) -> tuple[Any, ...]:
    """The game's account, and each place's: what it used ("" for nothing) and how long it took."""
    free = not (row.tokens_in or row.tokens_out)
    # scripted players use nothing, and their rows stay short
    used = "" if free else canonical([[p.tokens_in, p.tokens_out, p.cost] for p in row.places])
    took = canonical([round(place.seconds, 6) for place in row.places])
    return row.tokens_in, row.tokens_out, row.seconds + share, row.cost, used, took


def read_row(seatings: Mapping[int, list[tuple[str, str, str]]], values: Sequence[Any]) -> GameRow:
    """What `ROW` selected, without its number; `seatings` are the places (place, role, entrant) by number."""
    (
        seating,
        seed,
        replicate,
        pair,
        order,
        leg,
        legs,
        status,
        payoff,
        offenders,
        *spent,
        used,
        took,
        key,
    ) = values

    names = seatings[seating]
    # void attempts paid nothing: `ROW` selects empty text for them
    paid = read_list(payoff) if payoff else (0.0,) * len(names)
    bills = json.loads(used) if used else ((0, 0, 0.0),) * len(names)

    return GameRow(
        pair,
        order,
        leg,
        legs,
        seed,
        replicate,
        tuple(
            [
                Place(*name, amount, read, wrote, seconds, cost)
                for name, amount, (read, wrote, cost), seconds in zip(
                    names, paid, bills, json.loads(took), strict=True
                )
            ]
        ),
        status,
        read_list(offenders) if offenders else (),
        *spent,
        key=key.lower(),
    )


@lru_cache(4096)
def read_list(text: str) -> tuple[Any, ...]:
    """A list in JSON that stands in many rows, such as a game's few payoffs."""
    return tuple(json.loads(text))
