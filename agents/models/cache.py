"""Where things that were built once are kept: `$SPARRING_CACHE`, or `sparring` in the user's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_root() -> Path:
    """The folder of the cache; it need not exist yet."""
    if given := os.environ.get("SPARRING_CACHE"):
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "sparring"


def cached(
    name: str, build: Callable[[Path], None], sound: Callable[[Path], bool] = Path.is_dir
) -> Path:
    """The folder `name` of the cache, filled by `build(folder)` if it is not there yet.

    It appears whole or not at all, also when several processes build it at once: the first to finish
    wins and the others take its work. One that is not `sound` any more is built again.
    """
    place = cache_root() / name
    if place.is_dir():
        if sound(place):
            return place
        shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)

    # a draft beside its place: a rename is atomic only within one file system
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))

    try:
        build(draft)
        # mkdtemp makes folders that only their owner can read; a cache may be shared
        draft.chmod(0o755)
        draft.rename(place)
    except OSError:
        # the rename fails where another process was first: its work is as good
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)

    return place
