"""Games on disk: each recorded exactly once, with a hashed transcript, whatever is killed when.

One process writes a store at a time (it holds a lock, and every write checks that no later writer has
come); any number read it. Workers lease a game, play it, and report to that process. For each batch the
transcripts are made durable first and the rows after, in one transaction: a row never lacks its
transcript, and a crash in between leaves only text that the next writer cuts off.

The file must lie on a local disk: SQLite's write-ahead log does not work on network file systems.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import sqlite3
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from ...envs.registry import Game
from ...envs.types import PolicyRef
from ..fixture import Fixture, Settled
from ..transcript import canonical
from .reading import Archive
from .rows import PLAYED, VOID, played_row, void_row, write_parameters
from .schema import StoreError, StoreFullError, connect

_TOKENS = 2**32  # per writer: a token of an earlier writer is never one of a later
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TOGETHER = 64
"""Rows in one statement: the thread that plays runs on beside it, and gives way only between two."""


class GameVersionError(StoreError, ValueError):
    """The store holds games played by other rules under this name."""


class Store(Archive):
    """A store open for writing, made where there is none. Use as a context manager.

    `record` may run in another thread while this one leases and reads: what is read is always what is
    committed. Raises StoreError when another process writes it, StoreVersionError for a newer or foreign
    file, and StoreFullError when the disk is full; what was recorded before stays.
    """

    def __init__(self, path: str | Path) -> None:
        # the lock comes before the file is opened: opening may make its tables
        self._lock = _locked(Path(path))
        try:
            self._pen = connect(Path(path), write=True)
        except BaseException:
            os.close(self._lock)
            raise
        try:
            super().__init__(path)
            self._epoch = self._next_epoch()
            segment, size = self._pen.execute(
                "SELECT segment, offset + length + 1 FROM played ORDER BY n DESC LIMIT 1"
            ).fetchone() or (0, 0)
            # text after the last row is from a crash, and is cut off
            self._segments.resume(segment, size)
        except BaseException:
            self._pen.close()
            os.close(self._lock)
            raise

        self._leases: dict[str, tuple[int, float]] = {}
        # a report that an earlier writer's worker sends late never fits a lease
        self._tokens = self._epoch * _TOKENS
        self._games: dict[str, int] = {}
        self._seating: dict[tuple[int, str], int] = {}
        self._attempts: dict[str, int] = {}
        self._writing = RLock()

    def close(self) -> None:
        super().close()
        self._pen.close()
        os.close(self._lock)

    def enter(self, policy: PolicyRef, info: Mapping[str, Any] | None = None) -> None:
        """Make an entrant known, by its id; a later name or info replaces the earlier. Raises StoreError."""
        if not policy.id:
            raise StoreError(
                f"{policy.name!r} has no id; results without one could not be told apart"
            )
        # an empty info keeps what is known: callers often give a reference alone
        with self._transaction():
            self._pen.execute(
                "INSERT INTO entrants VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
                "info = CASE excluded.info WHEN '{}' THEN info ELSE excluded.info END",
                (policy.id, policy.name, canonical(dict(info or {}))),
            )

    def descend(self, child: str, parent: str, kind: str) -> None:
        """Note that one entrant came from another: `trained_from`, `snapshot`, `exploiter_of` …"""
        with self._transaction():
            self._pen.execute(
                "INSERT OR IGNORE INTO lineage VALUES (?, ?, ?)", (child, parent, kind)
            )

    def admit(self, game: Game) -> int:
        """The number of a game in this store.

        Raises GameVersionError where the store holds games of another version, or of the same version
        played by other rules.
        """
        # every row asks for its game: the store is read once for each game
        if found := self._games.get(repr(game.ref)):
            return found

        name = _unversioned(game.id)
        facts, parameters = _facts(game), write_parameters(game.ref)
        with self._writing:
            admitted = self._pen.execute("SELECT id, parameters, facts FROM games").fetchall()

        for id, known, stored in admitted:
            if _unversioned(id) == name and id != game.id:
                raise GameVersionError(
                    f"{self.path} holds {id}, and {game.id} was asked for; results of two versions cannot be "
                    "compared: use another store"
                )
            if (id, known) == (game.id, parameters) and stored != facts:
                raise GameVersionError(
                    f"{self.path} holds {id} with other rules ({stored}) than it has now ({facts}); a game "
                    "that changed needs a new version, or another store"
                )

        with self._transaction():
            self._pen.execute(
                "INSERT OR IGNORE INTO games VALUES (NULL, ?, ?, ?)", (game.id, parameters, facts)
            )
            (number,) = self._pen.execute(
                "SELECT n FROM games WHERE id = ? AND parameters = ?", (game.id, parameters)
            ).fetchone()
        self._games[repr(game.ref)] = number
        return number

    def lease(self, keys: Iterable[str], seconds: float = 600.0) -> dict[str, int]:
        """Tokens for those keys that are neither recorded nor leased; each holds for so many seconds.

        A lease that ran out may be given again; the first holder's report is then refused.
        """
        # a clock that is set anew would end leases, or keep them
        now = time.monotonic()
        # who holds it first and the rows second: a lease ends only after its row is there
        free = [key for key in keys if not ((held := self._leases.get(key)) and held[1] > now)]

        done = self.recorded(free)
        granted: dict[str, int] = {}
        for key in free:
            if key in done:
                continue
            self._tokens += 1
            granted[key] = self._tokens
            self._leases[key] = (self._tokens, now + seconds)
        return granted

    def release(self, keys: Iterable[str]) -> None:
        """Give leases up, as when their worker has died."""
        for key in keys:
            self._leases.pop(key, None)

    def record(self, settled: Sequence[Settled], seconds: float = 0.0) -> int:
        """Make a batch durable: transcripts first, then all rows in one transaction. Returns new rows.

        A report whose lease no longer holds is dropped, and so is a second row of a key. `seconds` is
        what the batch took, shared out among its games beside what each row names.
        """
        with self._writing:
            return self._recorded(settled, seconds / max(1, len(settled)))

    def _recorded(self, settled: Sequence[Settled], share: float) -> int:
        valid = [one for one in settled if self._holds(one)]
        # seatings first: each is a transaction of its own, and none may lie in another
        numbers = {id(one): self._seated(one.fixture) for one in valid}

        played = [one for one in valid if not one.row.void]
        texts = [one.transcript.encode() for one in played]
        try:
            # transcripts first: no row may point at bytes that a crash could lose
            found = self._segments.append(texts) if texts else []
            with self._transaction():
                new = self._entered(
                    [
                        played_row(one, numbers[id(one)], share, text, place, self._attempt(one))
                        for one, text, place in zip(played, texts, found, strict=True)
                    ]
                )
                self._pen.executemany(
                    VOID,
                    [
                        void_row(one, numbers[id(one)], share, self._attempt(one))
                        for one in valid
                        if one.row.void
                    ],
                )
        except OSError as fault:
            # StoreFullError is an OSError too, and says already what is wrong
            if isinstance(fault, StoreError):
                raise
            raise _broken(self.path, fault) from fault

        for one in valid:
            # after the commit: a batch that failed keeps its leases
            self._leases.pop(one.fixture.key, None)
            if one.row.void:
                self._attempts[one.fixture.key] = self._attempt(one) + 1
        return new

    def find(self, kind: str, game: Game, settings: Mapping[str, Any], result: str) -> None:
        """Keep a result with what it was worked out from, so that `verify` can do it again."""
        number = self.admit(game)
        # the last row numbers say what it was worked out from, whatever comes later
        with self._transaction():
            self._pen.execute(
                "INSERT INTO findings SELECT NULL, ?, ?, ?, ?, (SELECT COALESCE(MAX(n), 0) FROM played), "
                "(SELECT COALESCE(MAX(n), 0) FROM voids), ?",
                (kind, number, canonical(dict(settings)), result, time.time()),
            )

    def _entered(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows of games, many at a time; returns how many were new."""
        # rows that were there already change nothing, so the difference counts new ones
        before = self._pen.total_changes
        for start in range(0, len(rows), _TOGETHER):
            some = rows[start : start + _TOGETHER]
            values = ", ".join([PLAYED] * len(some))
            self._pen.execute(
                f"INSERT INTO played VALUES {values} ON CONFLICT (key) DO NOTHING",
                [value for row in some for value in row],
            )
        return self._pen.total_changes - before

    def _holds(self, one: Settled) -> bool:
        held = self._leases.get(one.fixture.key)
        return (held[0] if held else None) == one.token

    def _attempt(self, one: Settled) -> int:
        return self._attempts.get(one.fixture.key, 1)

    def _seated(self, fixture: Fixture) -> int:
        """The number of a seating; entered on first sight."""
        game = self.admit(fixture.game)

        name = (game, repr((fixture.seats, fixture.places)))
        if name not in self._seating:
            seats, rated = canonical(dict(fixture.seats)), canonical(fixture.places)
            with self._transaction():
                self._pen.execute(
                    "INSERT OR IGNORE INTO seatings VALUES (NULL, ?, ?, ?)", (game, seats, rated)
                )
            self._seating[name] = self._pen.execute(
                "SELECT n FROM seatings WHERE game = ? AND seats = ? AND places = ?",
                (game, seats, rated),
            ).fetchone()[0]
        return self._seating[name]

    def _next_epoch(self) -> int:
        """Count the writers of this store; the latest fences off all before it."""
        try:
            self._pen.execute(
                "INSERT INTO counters VALUES ('epoch', 1) ON CONFLICT (name) DO UPDATE SET value = value + 1"
            )
            return self._stored_epoch()
        except sqlite3.Error as fault:
            raise _broken(self.path, fault) from fault

    def _stored_epoch(self) -> int:
        return self._pen.execute("SELECT value FROM counters WHERE name = 'epoch'").fetchone()[0]

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """All or nothing, and only while no later writer has opened the store."""
        self._writing.acquire()
        try:
            # the write lock now, or a later writer could come after the check
            self._pen.execute("BEGIN IMMEDIATE")

            # a later writer has fenced this one off
            if self._stored_epoch() != self._epoch:
                raise StoreError(
                    f"{self.path} was taken over by a later writer; this one may not write"
                )
            yield
            self._pen.execute("COMMIT")
        except sqlite3.Error as fault:
            self._roll_back()
            raise _broken(self.path, fault) from fault
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._writing.release()

    def _roll_back(self) -> None:
        if self._pen.in_transaction:
            self._pen.execute("ROLLBACK")


def _unversioned(id: str) -> str:
    return re.sub(r"-v\d+$", "", id)


def _facts(game: Game) -> str:
    """What a game declares, as text: two games of one id that differ here are not the same game."""
    return canonical(
        {
            "roles": dict(game.roles),
            "max_turns": game.max_turns,
            "payoff_range": list(game.payoff_range),
            "sum": game.sum,
            "score": game.score,
            "judges": list(game.judges),
            "rated": game.rated,
            "truncation": dict(game.truncation),
            "rules": dict(game.rules),
            **({"provider": game.provider} if game.provider else {}),
        }
    )


def _locked(path: Path) -> int:
    """A lock on the store that ends with this process, however it ends. Raises StoreError if it is held."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
    except OSError as fault:
        raise StoreError(f"cannot write the store {path}: {fault}") from fault
    try:
        # the system frees it with the process, so a crash leaves no lock behind
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(handle, 32).decode() or "?"
        os.close(handle)
        raise StoreError(
            f"process {holder} is writing {path}; wait until it is done, or use another store"
        ) from None

    # the holder's id, for the error of the next process that tries
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _broken(path: Path, fault: Exception) -> StoreError:
    # SQLite tells of a full disk only in its text
    full = isinstance(fault, OSError) and fault.errno in _FULL
    if full or "full" in str(fault) or "disk I/O" in str(fault):
        return StoreFullError(
            f"the disk under {path} takes no more ({fault}); make room and run again to go on"
        )
    return StoreError(f"cannot write the store {path}: {fault}")
