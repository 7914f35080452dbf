"""Tasks from files: documents, seeds of attacks, problems, that a run's shelves begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ...envs.errors import SparringError
from ...envs.types import Value
from ...envs.values import check
from ..config import ConfigError

SHIPPED = "shipped:"
"""Before the name of a file that comes with Sparring."""


def read_shelves(files: Mapping[str, Any]) -> dict[str, list[Value]]:
    """The items of each kind. Raises ConfigError, naming file and line, for what is no item."""
    return {kind: read_shelf(kind, file) for kind, file in files.items()}


def read_shelf(kind: str, file: object) -> list[Value]:
    """The items of one file, a JSON value a line; blank lines count for nothing.

    A text stands for itself, and so does the `text` of an object that holds nothing else. Lists become
    tuples, which is what games keep. `shipped:NAME` is a file beside the recipes.
    """
    if not isinstance(file, str) or not file:
        raise ConfigError(f"shelves.{kind} must be the name of a file; it is {file!r}")
    shipped = file.removeprefix(SHIPPED)
    path = Path(__file__).parents[1] / "recipes" / shipped if shipped != file else Path(file)
    try:
        # By newlines alone: a text may hold what Unicode counts as the end of a line.
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as fault:
        raise ConfigError(f"shelves.{kind}: cannot read {file}: {fault.strerror}") from fault
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise ConfigError(f"{file} line {line} is no UTF-8 text: {fault.reason}") from fault

    items = [_item(f"{file} line {n}", line) for n, line in enumerate(lines, 1) if line.strip()]
    if not items:
        raise ConfigError(f"shelves.{kind}: {file} holds no item; expected a JSON value a line")
    return items


def _item(place: str, line: str) -> Value:
    try:
        found: Any = json.loads(line, parse_constant=_refused)
    except (ValueError, RecursionError) as fault:
        raise ConfigError(f"{place} is no JSON: {str(fault) or 'nested too deep'}") from fault

    if isinstance(found, dict) and set(cast("dict[str, Any]", found)) == {"text"}:
        found = found["text"]
    try:
        value = check(_plain(found))
    except (SparringError, ValueError, RecursionError) as fault:
        raise ConfigError(f"{place} is no task: {fault}") from fault
    if value is None or value == "":
        raise ConfigError(f"{place} is empty; expected a text or an object")
    return value


def _refused(constant: str) -> Any:
    """JSON has neither NaN nor infinities, which Python would read. Raises ValueError."""
    raise ValueError(f"it holds {constant}")


def _plain(found: Any) -> Any:
    if isinstance(found, list):
        return tuple(_plain(item) for item in cast(Sequence[Any], found))
    if isinstance(found, dict):
        return {key: _plain(item) for key, item in cast("dict[str, Any]", found).items()}
    return found
