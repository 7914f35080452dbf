"""The stores of games that commands read and write, by the names of their runs."""

from __future__ import annotations

import re
from pathlib import Path

from sparring.agents.run_folder import found_folder, run_folder


def store_folder(out: str | None, name: str, *, make: bool) -> Path:
    """The folder under `runs/` (or the path) of a store; created with `make`."""
    # An entrant's or game's name may hold slashes, and a run's name is one folder.
    folder = run_folder(out or re.sub(r"[^\w.-]+", "-", name))
    if make:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def store_of(name: str) -> Path:
    """The store of a run (its name or folder), or the store file itself. It need not exist."""
    folder = found_folder(name)
    return folder if folder.is_file() else folder / "store.sqlite"
