"""Where runs lie: `runs/NAME/`, or any path, and what they were started with. Imports nothing heavy."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ..envs.registry import load

RUNS = Path("runs")


def run_folder(name: str) -> Path:
    """The folder of a run: its path, or its name under `runs/`."""
    path = Path(name)
    return path if len(path.parts) > 1 or path.is_absolute() else RUNS / path


def found_folder(name: str | Path) -> Path:
    """Where a run that is read lies: the path where there is one, else as `run_folder`."""
    path = Path(name)
    return path if path.exists() else run_folder(str(name))


def settings(folder: Path) -> dict[str, Any]:
    """What a run's `config.toml` says; empty where there is none or it cannot be read."""
    try:
        return tomllib.loads((folder / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The records of a run's `metrics.jsonl`, in order; empty where there is none.

    Reading ends at the first line that was not written whole.
    """
    path = folder / "metrics.jsonl"
    records: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            record = json.loads(line)
        except ValueError:
            break
        if isinstance(record, dict):
            records.append(record)
    return records


def load_own(folder: Path) -> None:
    """Register the games of the files that a run was started with, as far as they are still there."""
    for file in settings(folder).get("load", ()):
        if Path(file).is_file():
            load(file)


def free_folder(name: str) -> Path:
    """The first of NAME, NAME-2, NAME-3 … under `runs/` that does not exist yet."""
    path, number = RUNS / name, 1
    while path.exists():
        number += 1
        path = RUNS / f"{name}-{number}"
    return path
