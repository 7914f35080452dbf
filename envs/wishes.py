"""What a script wishes of its table beside moves and verdicts; `script.py` yields them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from .types import Cause, Value

STALE: Final = "stale/"
"""Before the kind of a recall: the items measured longest ago, to be measured again."""
SEARCH: Final = "search/"
"""Before the kind of a recall: the items that have most to do with `like`, as words go."""
EITHER: Final = "|"
"""Between kinds of a recall: items of any of them."""


class Chance(NamedTuple):
    """A draw. With `weights` it is answered with an index; with None by a `random.Random` of its own."""

    weights: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Tell:
    """Something shown to a seat before its next prompt."""

    seat: str
    text: str


@dataclass(frozen=True, slots=True)
class Credit:
    """A named reward for a seat's latest turn, never part of the payoff."""

    seat: str
    amount: float
    name: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Says that a seat's latest reply was no move; the helpers yield it, scripts need not.

    `fault` is what the parser itself failed by, where it did not refuse by a ValueError.
    """

    seat: str
    cause: Cause
    fault: Exception | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A named measurement of the episode."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Recall:
    """A wish for `count` items of the driver's task buffer, or of `seeds` where it has none.

    With `like`, for items that are near copies of it, among all that the buffer holds.
    """

    kind: str
    count: int
    seeds: tuple[Value, ...]
    like: Value = None


@dataclass(frozen=True, slots=True)
class Keep:
    """An item for the driver's task buffer."""

    kind: str
    item: Value
