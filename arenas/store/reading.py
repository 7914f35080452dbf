"""Reading a store of games, which any number of processes may do while one writes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from ...envs.registry import Game
from ...envs.types import Episode, GameRef
from ..cores import uncollected
from ..fixture import Purpose, role_of
from ..results import GameRow
from ..transcript import canonical, read
from .rows import ROW, read_list, read_parameters, read_row, write_parameters
from .schema import StoreError, connect
from .segments import Segments

_EXPORT = """SELECT lower(hex(key)) AS key, games.id AS game, parameters, seats, places, seed, replicate,
purpose, pair, "order", leg, legs, status, payoff, offenders, tokens_in, tokens_out, cost, used,
lower(hex(digest)) AS transcript FROM played JOIN seatings ON seatings.n = played.seating
JOIN games ON games.n = seatings.game ORDER BY played.key"""
_STRETCH = """SELECT lower(hex(key)), game, places, seed, replicate, status, payoff, digest, segment, offset,
length FROM played JOIN seatings ON seatings.n = seating WHERE played.n BETWEEN ? AND ? ORDER BY played.n"""
_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Entrant:
    """Who has played: the id that changes with behaviour, a name for people, and facts (`step`, `run`)."""

    id: str
    name: str
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """A result that was worked out from the first `upto` games and `voids` void attempts of a store."""

    kind: str
    game: GameRef
    settings: Mapping[str, Any]
    result: str
    upto: int
    voids: int


class Recorded(NamedTuple):
    """One game as its row tells it, and its transcript or what is wrong with that.

    `paid` are the rated places: ((place, entrant), payoff).
    """

    key: str
    game: GameRef
    paid: tuple[tuple[Sequence[str], float], ...]
    seed: int
    replicate: int
    status: str
    line: str | StoreError


class Archive:
    """A store, read only. Use as a context manager.

    Raises StoreError where there is none, and wherever what is read is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise StoreError(f"there is no store {str(path)!r}; `sparring tournament` makes one")
        self._base = connect(self.path, write=False)
        self._segments = Segments(self.path.with_suffix(".transcripts"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._segments.close()
        self._base.close()

    def __len__(self) -> int:
        """How many games are recorded; void attempts do not count."""
        with self._reading():
            return self._base.execute("SELECT COUNT(*) FROM played").fetchone()[0]

    def games(self) -> list[GameRef]:
        """The games that were played, with their parameters."""
        with self._reading():
            found = self._base.execute("SELECT id, parameters FROM games ORDER BY n")
            return [GameRef(id, read_parameters(parameters)) for id, parameters in found]

    def entrants(self) -> list[Entrant]:
        """Everyone known to the store, by id."""
        with self._reading():
            found = self._base.execute("SELECT id, name, info FROM entrants ORDER BY id")
            return [Entrant(id, name, json.loads(info)) for id, name, info in found]

    def lineage(self) -> list[tuple[str, str, str]]:
        """(child, parent, kind) of entrant ids, sorted."""
        with self._reading():
            return self._base.execute(
                "SELECT child, parent, kind FROM lineage ORDER BY 1, 2, 3"
            ).fetchall()

    def recorded(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have a row."""
        seek = self._base.execute
        return {
            key
            for key in keys
            if seek("SELECT 1 FROM played WHERE key = ?", (bytes.fromhex(key),)).fetchone()
        }

    def rows(
        self,
        game: Game,
        purpose: Purpose = "rating",
        *,
        voids: bool = True,
        upto: tuple[int, int] = (_ALL, _ALL),
    ) -> list[GameRow]:
        """All rows of a game by (order, pair, leg), which no crash or worker can change.

        `voids` adds the attempts that failed, for their cost and cause. `upto` gives the rows as
        they were when a finding was made.
        """
        return [row for _, _, row in self.history(game, purpose, voids=voids, upto=upto)]

    def history(
        self,
        game: Game,
        purpose: Purpose = "rating",
        *,
        voids: bool = True,
        upto: tuple[int, int] = (_ALL, _ALL),
    ) -> list[tuple[int, int, GameRow]]:
        """`rows`, each behind its table (0 for games, 1 for void attempts) and its number there."""
        tables = [ROW.format(id="played", paid="payoff, offenders")]
        tables += [ROW.format(id="voids", paid="'', ''")] if voids else []

        with self._reading(), uncollected():
            number = self._game(game.ref)
            seatings = self._seatings(game, number)
            found = [
                (table, n, read_row(seatings, values))
                for table, (query, last) in enumerate(zip(tables, upto, strict=False))
                for n, *values in self._base.execute(query, (number, purpose, last))
            ]
        found.sort(key=_in_order)
        return found

    def count(self, game: Game, purpose: Purpose = "rating") -> int:
        """How many games of this kind `rows` would give, void attempts left out."""
        with self._reading():
            return self._base.execute(
                "SELECT COUNT(*) FROM played JOIN seatings ON seatings.n = seating "
                "WHERE game = ? AND purpose = ?",
                (self._game(game.ref), purpose),
            ).fetchone()[0]

    def stretches(self, games: int) -> list[tuple[int, int]]:
        """The numbers (first, last) of stretches of so many games each, in the order of recording."""
        with self._reading():
            (last,) = self._base.execute("SELECT COALESCE(MAX(n), 0) FROM played").fetchone()
        return [(first, first + games - 1) for first in range(1, last + 1, games)]

    def stretch(self, first: int, last: int) -> Iterator[Recorded]:
        """The games of these numbers with their transcripts, read in the order in which they lie."""
        with self._reading():
            games = {
                n: GameRef(id, read_parameters(parameters))
                for n, id, parameters in self._base.execute("SELECT n, id, parameters FROM games")
            }
            for key, game, places, seed, replicate, status, payoff, *where in self._base.execute(
                _STRETCH, (first, last)
            ):
                seated = read_list(places)
                paid = tuple(zip(seated, read_list(payoff), strict=True))
                line = self._line(key, where)
                yield Recorded(key, games[game], paid, seed, replicate, status, line)

    def transcript(self, key: str) -> str:
        """The transcript of a game. Raises StoreError when there is none or its hash does not fit."""
        with self._reading():
            found = self._base.execute(
                "SELECT digest, segment, offset, length FROM played WHERE key = ?",
                (bytes.fromhex(key),),
            ).fetchone()
        if not found:
            raise StoreError(f"no game with key {key!r} in {self.path}")

        line = self._line(key, found)
        if isinstance(line, StoreError):
            raise line
        return line

    def _line(self, key: str, where: Sequence[Any]) -> str | StoreError:
        """The transcript that lies where a row says; or what is wrong with it."""
        digest, *place = where
        try:
            line = self._segments.read(*place)
        except OSError as fault:
            found = StoreError(f"the transcript of game {key[:12]} cannot be read: {fault}")
            found.__cause__ = fault
            return found

        if sha256(line).digest() != digest:
            return StoreError(
                f"the transcript of game {key[:12]} (segment {place[0]}, byte {place[1]}) is not the one "
                "that was recorded: its hash differs"
            )
        return line.decode()

    def episode(self, key: str) -> Episode:
        """The game of this key, to be shown or replayed. Raises StoreError or TranscriptError."""
        return read(self.transcript(key))

    def __iter__(self) -> Iterator[str]:
        """The key of every recorded game, sorted."""
        with self._reading():
            for (key,) in self._base.execute("SELECT lower(hex(key)) FROM played ORDER BY key"):
                yield key

    def reasons(self, game: Game) -> list[tuple[str, str, int]]:
        """Why attempts were void: (status, reason, how often), most often first."""
        with self._reading():
            return self._base.execute(
                "SELECT status, reason, COUNT(*) FROM voids JOIN seatings ON seatings.n = voids.seating "
                "WHERE seatings.game = ? GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
                (self._game(game.ref),),
            ).fetchall()

    def findings(self, kind: str | None = None) -> list[Finding]:
        """Results as they were found, oldest first; `verify` works them out again."""
        with self._reading():
            found = self._base.execute(
                "SELECT kind, games.id, parameters, settings, result, upto, voids FROM findings "
                "JOIN games ON games.n = findings.game WHERE ? IS NULL OR kind = ? ORDER BY findings.n",
                (kind, kind),
            )
            return [
                Finding(kind, GameRef(id, read_parameters(parameters)), json.loads(settings), *rest)
                for kind, id, parameters, settings, *rest in found
            ]

    def export(self) -> Iterator[str]:
        """One canonical line a game, by key, without what differs from run to run: times, worker, attempt."""
        found = self._base.execute(_EXPORT)
        names = [column[0] for column in found.description]
        for values in found:
            data = dict(zip(names, values, strict=True))
            for name in ("parameters", "seats", "places", "payoff", "offenders", "used"):
                data[name] = json.loads(data[name] or "[]")
            yield canonical(data)

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Turn what a damaged file makes of sqlite and of the values in it into one StoreError."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, KeyError) as fault:
            raise StoreError(
                f"cannot read the store {self.path}, it may be damaged: {fault}"
            ) from fault

    def _game(self, game: GameRef) -> int:
        found = self._base.execute(
            "SELECT n FROM games WHERE id = ? AND parameters = ?", (game.id, write_parameters(game))
        ).fetchone()
        # no row has this number, so queries of an unknown game find nothing
        return found[0] if found else -1

    def _seatings(self, game: Game, number: int) -> dict[int, list[tuple[str, str, str]]]:
        """Each seating's rated places: (place, role, entrant)."""
        found = self._base.execute("SELECT n, places FROM seatings WHERE game = ?", (number,))
        return {
            n: [(place, role_of(game, place), who) for place, who in json.loads(places)]
            for n, places in found
        }


def _in_order(found: tuple[int, int, GameRow]) -> tuple[int, str, int, str]:
    row = found[2]
    return row.order, row.pair, row.leg, row.status
