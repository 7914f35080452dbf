"""A run as its folder tells it, live: settings, curves, alarms, games, tables. Nothing is ever written.

Only files are read, each from where the last reading ended. So a run is followed on any disk that can be
read, also one that is still empty, has ended, or went back to a checkpoint.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from sparring.agents.run_folder import REPORT, RunFolder, RunFolderError, length
from sparring.arenas.report.text import line
from sparring.arenas.transcript import TranscriptError, read

from .alarms import Alarms
from .curves import Curves, number
from .standings import Standings
from .stories import Game, from_episode, from_text
from .tail import Tail

GAMES: Final = 24
"""The newest games of a run that can be read on the page."""
QUIET_SECONDS: Final = 60.0
_TEXT_BYTES: Final = 2**20


class Followed:
    """A run that is being followed. `look` reads what is new; `news` gives it, `whole` all of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = RunFolder(folder)
        self.name = name
        self._begin()
        self._store = Tail(self._segment(1))
        self._segments = 1
        self.standings = Standings()
        self._stored: deque[tuple[str, Game]] = deque(maxlen=GAMES)
        self._texts: dict[str, tuple[int, int]] = {}
        self._told: dict[str, Any] = {}

    def _begin(self) -> None:
        self._metrics = Tail(self.folder.metrics)
        self._config: tuple[int, dict[str, Any]] = (0, {})
        self._fault = ""
        self.curves = Curves()
        self.alarms = Alarms({})
        self._step: float | None = None
        self._last: dict[str, Any] = {}
        self._trained: dict[str, Game] = {}

    def look(self) -> bool:
        """Read what is new. Returns whether there is more to be read at once."""
        try:
            self._read_settings()
            self._read_metrics()
            self._read_texts()
            self._read_store()
        except Exception as fault:  # whatever damaged files make of it: other runs are followed on
            self._fault = line(f"{type(fault).__name__}: {fault}", 300)
            return False
        return self._metrics.behind or self._store.behind

    def news(self) -> dict[str, Any]:
        """What changed since the last call, by part; empty where nothing did."""
        parts = self._parts()
        found = {name: part for name, part in parts.items() if self._told.get(name) != part}
        self._told = parts
        if curves := self.curves.news():
            found["curves"] = curves
        return found

    def whole(self) -> dict[str, Any]:
        """All that a page needs that knows nothing yet."""
        return {"name": line(self.name, 80), **self._told, "curves": self.curves.whole()}

    def game(self, key: str) -> Game | None:
        """A game of the list, to be read."""
        return next((game for name, game in self._games() if name == key), None)

    @property
    def settings(self) -> Mapping[str, Any]:
        return self._config[1]

    def _parts(self) -> dict[str, Any]:
        state, age = self._state()
        return {
            "state": state,
            "since": age,
            "step": self._step,
            "steps": length(self.settings),
            "facts": self._facts(),
            "arm": self._arm(),
            "fault": self._fault,
            "alarms": self.alarms.told(),
            "games": [
                {
                    "key": key,
                    "title": game["title"],
                    "payoff": game["payoff"],
                    "ending": game["ending"],
                }
                for key, game in self._games()
            ],
            "table": self.standings.table() if self.standings.games else None,
            "report": self.folder.report.is_file(),
        }

    def _state(self) -> tuple[str, float | None]:
        """Where the run stands, and since when nothing came of it (in seconds since 1970)."""
        times = [_changed(self.folder.metrics), _changed(self._store.path)]
        last = max((at for at in times if at), default=None)
        steps = length(self.settings)
        if self._step is not None and steps and self._step >= steps:
            return "finished", last
        if last is None:
            return "waiting", None
        # a store's report is written once all of its games are played
        made = _changed(self.folder.report)
        if self._step is None and made and made >= last:
            return "finished", last
        return ("quiet" if time.time() - last > QUIET_SECONDS else "running"), last

    def _facts(self) -> list[list[str]]:
        """(name, value) of what tells runs apart, and of how far this one is."""
        settings, found = self.settings, list[list[str]]()
        menu = settings.get("games")
        games = [str(g.get("id")) for g in cast("list[Any]", menu or ()) if isinstance(g, dict)]
        if named := ", ".join(games) or settings.get("game") or self.standings.game:
            found.append(["Game", line(str(named), 120)])
        for key in ("recipe", "model", "seed"):
            if key in settings:
                found.append([key.capitalize(), line(str(settings[key]), 80)])
        for key in ("games", "tokens", "games_per_second"):
            if (value := number(self._last.get(key))) is not None:
                name = "Games a second" if key == "games_per_second" else key.capitalize()
                found.append([name, f"{value:,.0f}"])
        return found

    def _arm(self) -> str:
        """Equal for runs that differ in their seed alone."""
        same = {k: v for k, v in self.settings.items() if k not in ("seed", "out", "rollbacks")}
        text = json.dumps(same, sort_keys=True, default=str) if same else self.name
        return sha256(text.encode()).hexdigest()[:12]

    def _games(self) -> list[tuple[str, Game]]:
        """The newest first: those of training, then those of its store."""
        trained = list(reversed(self._trained.items()))[: GAMES // 2]
        return trained + list(reversed(self._stored))[: GAMES - len(trained)]

    def _read_settings(self) -> None:
        at = _stamp(self.folder.config)
        if at == self._config[0]:
            return
        try:
            settings = self.folder.settings()
        except RunFolderError as fault:
            self._fault = line(str(fault), 300)
            return

        # settings may come after the first numbers, which then are read again under them
        self._begin()
        self._config = at, settings
        self.alarms = Alarms(settings)
        self.curves = Curves(self.alarms.games)

    def _read_metrics(self) -> None:
        fresh = self._metrics.lines()
        if self._metrics.restarted:
            self.curves, self.alarms = Curves(self.alarms.games), Alarms(self.settings)
            self._step, self._last = None, {}
        for text in fresh:
            try:
                record = json.loads(text, parse_int=_whole)
            # a thousand open brackets are no number, but too deep to be read
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                self._take(cast("dict[str, Any]", record))

    def _take(self, record: dict[str, Any]) -> None:
        if (step := number(record.get("step"))) is None:
            return
        self._step = step
        self._last |= record
        self.curves.add(record)
        self.alarms.look(record)

    def _read_texts(self) -> None:
        """The games of the newest transcripts of training."""
        # names hold the step with six digits, so the last by name is the newest
        newest = sorted(self.folder.transcripts.glob("step-*.txt"))[-2:]
        for path in newest:
            stamp = _stamp(path), _size(path)
            if not stamp[1] or self._texts.get(path.name) == stamp:
                continue
            self._texts[path.name] = stamp
            try:
                with path.open("rb") as file:
                    text = file.read(_TEXT_BYTES).decode("utf-8", "replace")
            except OSError:
                continue
            for key, game in from_text(text):
                self._trained.pop(key, None)
                self._trained[key] = game
        while len(self._trained) > GAMES:
            del self._trained[next(iter(self._trained))]

    def _read_store(self) -> None:
        fresh = self._store.lines()
        if self._store.restarted:
            # a crash left text that the next writer cut off: all is read anew
            self._segments, self._store = 1, Tail(self._segment(1))
            self.standings, fresh = Standings(), self._store.lines()
            self._stored.clear()
        for left, text in zip(range(len(fresh) - 1, -1, -1), fresh, strict=True):
            try:
                episode = read(text)
            except TranscriptError:
                continue
            self.standings.add(episode)
            # what newer games push off the list need not be made ready to be read
            if left < GAMES:
                names = " v ".join(ref.name for ref in episode.seats.values())
                self._stored.append((f"g{self.standings.games}", from_episode(episode, names)))

        # a full segment is followed by the next
        if not fresh and self._segment(self._segments + 1).exists():
            self._segments += 1
            self._store = Tail(self._segment(self._segments))

    def _segment(self, n: int) -> Path:
        return self.folder.store.with_suffix(".transcripts") / f"{n:06}.jsonl"


def _whole(digits: str) -> float:
    """A whole number of JSON; one that no float can hold is as good as infinite."""
    return int(digits) if len(digits) < 300 else float(digits)


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def found(names: list[str], runs: Path) -> list[tuple[str, Path]]:
    """(name, folder) of the runs of these names or paths; without names, of all below `runs`."""
    from sparring.agents.run_folder import found_folder

    if names:
        return [(_shorter(name), found_folder(name)) for name in names]
    return [(path.name, path) for path in sorted(runs.glob("*")) if _is_run(path)]


def _shorter(name: str) -> str:
    return name.rstrip("/").removeprefix("runs/") or name


def _is_run(path: Path) -> bool:
    inside = RunFolder(path)
    return path.is_dir() and any(
        place.exists() for place in (inside.config, inside.metrics, inside.store, path / REPORT)
    )
