"""Items from a file of JSON lines, one object a line; or a line that says which line is wrong, and why."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from ..registry import GameError
from .items import belongs

MOST_MEGABYTES = 64
SAMPLE = "sample"
"""The name of the file that ships with a game."""
Item = TypeVar("Item")
Reads = Callable[[dict[str, Any]], Item]


class FileError(GameError):
    """A file of items cannot be read: which line, and what is wrong there."""


class Items(Generic[Item]):
    """The items of one file as it was when it was read, with a digest of its bytes."""

    def __init__(self, digest: str, items: Sequence[tuple[str, Item]]) -> None:
        self.digest = digest
        self._items = items
        self._parts: dict[str, tuple[Item, ...]] = {}

    def part(self, part: str) -> tuple[Item, ...]:
        """The items whose question is of the part, in the file's order."""
        if part not in self._parts:
            self._parts[part] = tuple(i for question, i in self._items if belongs(question, part))
        return self._parts[part]


def items(file: str, shipped: str, question: str, read: Reads[Item]) -> Items[Item]:
    """The items of a file; of the one under `shipped` beside this module, where it is called `sample`.

    `question` is the field that tells items apart, and `read` makes an item of a line's object or raises
    ValueError. Raises FileError.
    """
    path = Path(__file__).with_name(shipped) if file == SAMPLE else Path(file)
    try:
        found = path.stat()
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        raise FileError(f"{file}: {reason}; a file of JSON lines was expected") from fault

    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"{file}: this is no file; a file of JSON lines was expected")
    if found.st_size > MOST_MEGABYTES * 2**20:
        raise FileError(
            f"{file}: {found.st_size / 2**20:.0f} MiB; at most {MOST_MEGABYTES} are read: split it"
        )
    # A file that was written again is read again, so a later game never plays stale items.
    return _items(file, path, (found.st_mtime_ns, found.st_size), question, read)


@lru_cache(16)
def _items(
    file: str, path: Path, version: tuple[int, int], question: str, read: Reads[Item]
) -> Items[Item]:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as fault:
        raise FileError(f"{file}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        raise FileError(f"{file}, line {line}: this is no UTF-8") from fault

    made: list[tuple[str, Item]] = []
    # not splitlines: JSON texts may hold the other characters that it breaks at
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            made.append(_item(f"{file}, line {number}", line, question, read))
    if not made:
        raise FileError(f"{file}: no line holds an item")
    return Items(sha256(content).hexdigest()[:16], made)


def _item(where: str, line: str, question: str, read: Reads[Item]) -> tuple[str, Item]:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as fault:
        reason = fault.msg if isinstance(fault, json.JSONDecodeError) else type(fault).__name__
        raise FileError(f"{where}: this is no JSON ({reason})") from fault

    if not isinstance(found, dict):
        raise FileError(f"{where}: a JSON object was expected, {type(found).__name__} came")
    fields = cast("dict[str, Any]", found)
    try:
        return text_of(fields, question), read(fields)
    except ValueError as fault:
        raise FileError(f"{where}: {fault}") from fault


def text_of(fields: dict[str, Any], name: str, most: int = 20_000) -> str:
    """The text of a field. Raises ValueError for a missing field, another type, an empty or a huge text."""
    if name not in fields:
        there = ", ".join(map(repr, list(fields)[:8])) or "none"
        raise ValueError(f"no field {name!r}; its fields: {there}")
    value = fields[name]
    if not isinstance(value, str):
        raise ValueError(f"{name!r} must be text, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name!r} is empty")
    if len(value) > most:
        raise ValueError(f"{name!r} has {len(value):,} characters; at most {most:,} are asked")
    return value
