"""The stores of games that commands read and write, by the names of their runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sparring.agents.run_folder import RunFolder, found_folder, named, run_folder


def store_folder(out: str | None, name: str) -> Path:
    """The folder of a store, under `runs/` or a path; it need not exist. Raises RunFolderError."""
    # A game's name may hold slashes, and a run's name is one folder.
    return run_folder(named(out) if out else re.sub(r"[^\w.-]+", "-", name))


@contextmanager
def kept(folder: Path) -> Generator[None]:
    """Make the folder for what is played; where nothing came to lie in it, it is gone afterwards."""
    # A folder that stood there before is somebody's, empty or not.
    before = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except KeyboardInterrupt:
        print(f"what was played stays in {folder}; the same command goes on", file=sys.stderr)
        raise
    finally:
        if not before and not any(folder.iterdir()):
            folder.rmdir()


def store_of(name: str) -> Path:
    """The store of a run (its name or folder), or the store file itself. It need not exist."""
    folder = found_folder(name)
    return folder if folder.is_file() else RunFolder(folder).store
