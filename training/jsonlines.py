"""A file of a run that holds one small record a line, read whole and written whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..envs.errors import SparringError
from .checkpoints import replace_text, writing

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


def read_lines(
    path: Path, kind: Callable[..., T], fault: type[SparringError], remedy: str
) -> list[T]:
    """Every line's record, in order; none where there is no file. Raises `fault` for a damaged line."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found: list[T] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(kind(**json.loads(line)))
        except (ValueError, TypeError, RecursionError) as wrong:
            raise fault(f"{path}, line {number}, is corrupt ({wrong}); {remedy}") from wrong
    return found


def write_lines(path: Path, records: Iterable[DataclassInstance]) -> None:
    """Write the file anew, whole or not at all. Raises CheckpointError for a full disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path):
        replace_text(path, "".join(json.dumps(asdict(each)) + "\n" for each in records))
