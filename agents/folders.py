"""Where runs lie: `runs/NAME/`, or any path. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

RUNS = Path("runs")


def run_folder(name: str) -> Path:
    """The folder of a run: its path, or its name under `runs/`."""
    path = Path(name)
    return path if len(path.parts) > 1 or path.is_absolute() else RUNS / path


def found_folder(name: str | Path) -> Path:
    """Where a run that is read lies: the path where there is one, else as `run_folder`."""
    path = Path(name)
    return path if path.exists() else run_folder(str(name))


def free_folder(name: str) -> Path:
    """The first of NAME, NAME-2, NAME-3 … under `runs/` that does not exist yet."""
    path, number = RUNS / name, 1
    while path.exists():
        number += 1
        path = RUNS / f"{name}-{number}"
    return path
