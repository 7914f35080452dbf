"""Misère nim: whoever takes the last piece loses; solved for all heaps (Bouton 1901)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import xor

from ..registry import ParameterError, game
from ..script import Script, ask
from ..types import Message

RULES = (
    "Nim. Players take turns to take any number of pieces from one heap; whoever takes the last piece of "
    "all loses. Each prompt shows the heaps, numbered from 1, and the moves (the first of many). "
    "Answer with one move, a heap and a count: 2 1 takes one piece from the second heap."
)


LARGEST, MOST, SHOWN = 99, 20, 20


def sizes(heaps: str) -> list[int]:
    """The heaps of a text like 1-3-5-7. Raises ParameterError for anything else."""
    parts = heaps.split("-")
    if (
        # Cut to nine digits: int refuses very long texts by an error of its own.
        not all(part.isdecimal() and 0 < int(part[:9]) <= LARGEST for part in parts)
        or len(parts) > MOST
    ):
        raise ParameterError(
            f"nim-v0: heaps are up to {MOST} sizes from 1 to {LARGEST} joined by dashes, like 1-3-5-7, "
            f"not {heaps[:40]!r}"
        )
    return [int(part) for part in parts]


def moves(heaps: Sequence[int]) -> tuple[str, ...]:
    return tuple(
        f"{heap} {count}" for heap, size in enumerate(heaps, 1) for count in range(1, size + 1)
    )


def after(heaps: Sequence[int], move: str) -> list[int]:
    heap, count = map(int, move.split())
    return [size - count if index == heap else size for index, size in enumerate(heaps, 1)]


def lost(heaps: Sequence[int]) -> bool:
    """Whether the player to move loses: nim sum 0, or only heaps of one and an odd number of them."""
    if max(heaps) > 1:
        # As in normal nim, since the player with the last large heap picks the parity of
        # the ones.
        return reduce(xor, heaps) == 0
    # Only ones are left, and every move takes one: an odd number leaves the last to this
    # seat.
    return sum(heaps) % 2 == 1


def optimal(seat: str, messages: Sequence[Message], choices: Sequence[str]) -> Sequence[float]:
    """Every move that leaves the other a lost position, with equal odds; any move where there is none."""
    shown = [m.text for m in messages if m.speaker == "game" and m.text.startswith("heaps ")]
    heaps = [int(size) for size in shown[-1].split()[1].split("-")]
    good = [float(lost(after(heaps, move))) for move in choices]
    return good if any(good) else [1.0] * len(choices)


@game(
    "nim-v0",
    family="reference",
    roles={"first": 1, "second": 1},
    max_turns=lambda heaps: sum(sizes(heaps)),
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    rules=RULES,
    oracles={"optimal": optimal},
)
def nim(heaps: str = "1-3-5-7") -> Script:
    """Take pieces from one heap at a time; whoever takes the last one loses.

    Moves: a heap and a count. Payoff: 1 to the winner, −1 to the other.
    Source: Bouton 1901; from 1-3-5-7 the second seat wins.
    """
    left = sizes(heaps)
    seat, other = "first", "second"

    while sum(left):
        legal = moves(left)
        shown = ", ".join(legal[:SHOWN]) + " …" * (len(legal) > SHOWN)
        move = yield from ask(
            seat, f"heaps {'-'.join(map(str, left))}\nmoves: {shown}", choices=legal
        )
        # Long lists are cut in the prompt; every move is legal all the same.
        left = after(left, move)
        seat, other = other, seat

    # The seat that would move next left the last piece to the other.
    return {seat: 1, other: -1}
