"""The store's tables, and opening a file that has them (and no newer ones)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from ...envs.errors import SparringError

VERSION: Final = 2
_APPLICATION: Final = (
    0x53504152  # "SPAR", so that another program's database is not taken for a store
)

TABLES: Final = """
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE games (n INTEGER PRIMARY KEY, id TEXT NOT NULL, parameters TEXT NOT NULL, facts TEXT NOT NULL,
    UNIQUE (id, parameters));
CREATE TABLE entrants (id TEXT PRIMARY KEY, name TEXT NOT NULL, info TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lineage (child TEXT NOT NULL, parent TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (child, parent, kind)) WITHOUT ROWID;
CREATE TABLE seatings (n INTEGER PRIMARY KEY, game INTEGER NOT NULL REFERENCES games, seats TEXT NOT NULL,
    places TEXT NOT NULL, UNIQUE (game, seats, places));
CREATE TABLE played (n INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, seating INTEGER NOT NULL
    REFERENCES seatings, seed INTEGER NOT NULL, replicate INTEGER NOT NULL, purpose TEXT NOT NULL,
    pair TEXT NOT NULL, "order" INTEGER NOT NULL, leg INTEGER NOT NULL, legs INTEGER NOT NULL,
    status TEXT NOT NULL, payoff TEXT NOT NULL, offenders TEXT NOT NULL, tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL, seconds REAL NOT NULL, cost REAL NOT NULL, used TEXT NOT NULL,
    took TEXT NOT NULL, digest BLOB NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL, verifier TEXT NOT NULL,
    worker TEXT NOT NULL, attempt INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE voids (n INTEGER PRIMARY KEY, key BLOB NOT NULL, seating INTEGER NOT NULL REFERENCES seatings,
    seed INTEGER NOT NULL, replicate INTEGER NOT NULL, purpose TEXT NOT NULL, pair TEXT NOT NULL,
    "order" INTEGER NOT NULL, leg INTEGER NOT NULL, legs INTEGER NOT NULL, status TEXT NOT NULL,
    tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, seconds REAL NOT NULL, cost REAL NOT NULL,
    used TEXT NOT NULL, took TEXT NOT NULL, reason TEXT NOT NULL, worker TEXT NOT NULL,
    attempt INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE findings (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, game INTEGER NOT NULL REFERENCES games,
    settings TEXT NOT NULL, result TEXT NOT NULL, upto INTEGER NOT NULL, voids INTEGER NOT NULL,
    at REAL NOT NULL);
"""


class StoreError(SparringError, RuntimeError):
    """A store cannot be used, or refuses what it was given; nothing was half-written."""


class StoreVersionError(StoreError, ValueError):
    """The file was written by another version, or is no store at all."""


class StoreFullError(StoreError, OSError):
    """The disk takes no more. What was recorded before stays; run again to go on."""


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """The database of a store; `write` creates it where there is none, for use by any thread
    that takes turns. Raises StoreError."""
    try:
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            # transactions are begun by hand: the module would begin its own
            base = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        else:
            base = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None
            )

        _prepare(base, path, write)
    except (sqlite3.DatabaseError, OSError) as fault:
        raise StoreError(f"cannot open the store {path}: {fault}") from fault
    return base


def _prepare(base: sqlite3.Connection, path: Path, write: bool) -> None:
    (application,) = base.execute("PRAGMA application_id").fetchone()
    (version,) = base.execute("PRAGMA user_version").fetchone()
    (tables,) = base.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()

    if tables and application != _APPLICATION:
        raise StoreVersionError(f"{path} is a database of another program, not a store of games")
    if tables and version < VERSION:
        raise StoreVersionError(
            f"{path} was written by an older Sparring (store version {version}; this one writes {VERSION}); "
            "use another store, or the Sparring that wrote it"
        )
    if version > VERSION:
        raise StoreVersionError(
            f"{path} was written by a newer Sparring (store version {version}; this one knows {VERSION}); "
            "update Sparring, or use another store"
        )

    base.execute("PRAGMA cache_size = -65536")
    if not write:
        return

    # readers are never kept waiting by the writer
    base.execute("PRAGMA journal_mode = WAL")
    base.execute(
        "PRAGMA synchronous = FULL"
    )  # a committed row survives a power cut, not only a crash
    base.execute(
        "PRAGMA wal_autocheckpoint = 16384"
    )  # keys are random: gather many before writing pages

    if not tables:
        marks = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION};"
        base.executescript(f"BEGIN; {TABLES} {marks} COMMIT;")
