"""The alarms of a run, worked out from its numbers by the rules that it trains under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sparring.arenas.report.text import line
from sparring.envs.errors import SparringError
from sparring.training.watch.monitors import Watcher

MOST: Final = 50


class Alarms:
    """Reads records in order, as the run itself does. A run told to ignore alarms has none."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.games: tuple[str, ...] = ()
        self._found: list[list[Any]] = []
        self._watchers: dict[str, Watcher] = {}
        if settings:
            self._ready(settings)

    def _ready(self, settings: Mapping[str, Any]) -> None:
        from sparring.training.config import Config
        from sparring.training.settings import merge

        try:
            config = merge(Config(), settings)
        # settings of another version, which this one does not know: its curves can be read all the same
        except SparringError:
            return
        if len(config.menu) > 1:
            self.games = _labels(config.menu)
        if config.watch.action != "ignore":
            self._watchers = {name: Watcher(config.watch) for name in ("", *self.games)}

    def look(self, record: Mapping[str, Any]) -> None:
        for name, watcher in self._watchers.items():
            if name:
                own = {
                    key.removeprefix(f"{name}/"): value
                    for key, value in record.items()
                    if key.startswith(f"{name}/")
                }
            else:
                own = {k: v for k, v in record.items() if not k.startswith(_prefixes(self.games))}
            for alarm in watcher.look({**own, "step": record.get("step")}):
                where = f"{name}: " if name else ""
                self._found.append([alarm.step, line(where + alarm.text, 300)])

    def told(self) -> list[list[Any]]:
        """[step, text] of each, the newest first."""
        return list(reversed(self._found[-MOST:]))


def _prefixes(games: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{game}/" for game in games)


def _labels(menu: Any) -> tuple[str, ...]:
    """What metrics of a menu's games are named by."""
    from sparring.envs.registry import find

    found: list[str] = []
    for entry in menu:
        try:
            found.append(find(entry.id, **dict(entry.parameters)).ref.label)
        # a game of a file that is not here has its id alone
        except SparringError:
            found.append(entry.id)
    return tuple(found)
