"""Information sets of a tree, and the error of a game that has no tree."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .declaration import Game
from .errors import SparringError
from .types import Message, Value

ViewKey: TypeAlias = tuple[str, tuple[Message, ...]]
Notes: TypeAlias = list[tuple[str, Value]]
"""What a script noted on the way to a history: names and values."""
MAX_NODES = 1_000_000


class TreeError(SparringError, ValueError):
    """The game has no tree that can be walked, or a policy does not fit it."""


@dataclass(frozen=True, slots=True)
class InfoSet:
    """A point of decision as its seat sees it; `messages` is the seat's whole view."""

    seat: str
    role: str
    messages: tuple[Message, ...]
    choices: tuple[str, ...]

    @property
    def key(self) -> ViewKey:
        return self.seat, self.messages


@dataclass(frozen=True, slots=True)
class Spot:
    """An information set in sequence form.

    `parent` is the sequence of its seat that leads here; its own choices are the sequences `start`,
    `start + 1` and so on.
    """

    info: InfoSet
    parent: int
    start: int


def where(info: InfoSet) -> str:
    """An information set as a message names it."""
    # rules are the same at every set of a role, and long: they tell nothing apart
    return f"{info.seat}: {' / '.join(m.text for m in info.messages if m.speaker != 'system')}"


def too_large(game: Game, max_nodes: float, estimate: float = 0.0) -> TreeError:
    # 0 means that nothing was estimated, and infinity would tell nothing
    guess = f"; by an estimate about {estimate:.0e}" if 0 < estimate < math.inf else ""
    return TreeError(
        f"{game.id} has more than {max_nodes:,.0f} nodes, and no more are walked (max_nodes){guess}"
    )


def numbers(notes: Notes) -> Iterator[tuple[str, float]]:
    """The notes that are numbers, and the numbers in those that are lists."""
    for name, value in notes:
        items = enumerate(value) if isinstance(value, list) else ()
        for label, item in [(name, value), *((f"{name}/{place}", item) for place, item in items)]:
            # True counts as 1, so that the mean of a note of success is its rate
            if isinstance(item, (bool, int, float)):
                yield label, float(item)
