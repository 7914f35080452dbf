"""Numbered items of a game with one solver: which part a question is in, and which item is asked.

A question is held out, or not, by a digest of its own text. So no question stands in both parts, however
often a generator makes it and whatever file it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..registry import ParameterError
from ..script import Steps, chance
from ..seeds import fraction
from ..types import Value

PARTS: Final = ("train", "held-out", "all")
SHARE: Final = 0.2
"""The share of all questions that is held out."""


def belongs(question: str, part: str) -> bool:
    """Whether the question is of this part; every question is of `all`."""
    if part == "all":
        return True
    # spaces at its ends and line breaks do not make another question
    held_out = fraction(f"part/{' '.join(question.split())}") < SHARE
    return held_out == (part == "held-out")


def check_part(game: str, part: Value) -> str:
    """The part. Raises ParameterError, which lists the parts, for any other word."""
    if part not in PARTS:
        raise ParameterError(f"{game}: no part {part!r}; there are: {', '.join(PARTS)}")
    return str(part)


def check_item(game: str, item: int, items: int, part: str) -> None:
    """Raises ParameterError unless the item is one of `items`, or −1 for any of them."""
    if not -1 <= item < items:
        raise ParameterError(
            f"{game}: item must be from 0 to {items - 1} of the part {part!r}, or -1 for any, not {item}"
        )


def chosen(item: int, items: int) -> Steps[int]:
    """The item that is asked: the one named, or one drawn where −1 was given."""
    # a chance move and no generator, so that an episode records which item it was
    return item if item >= 0 else (yield from chance((1,) * items))


def solver_note(parameters: Mapping[str, Value], item: int) -> str:
    """The name of an item as episodes note it: `held-out/12`."""
    return f"{parameters['part']}/{item}"
