"""Numbers of a run over its steps, at most so many of each, and what of them is new."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MOST: Final = 240
"""Points of a curve: more than this many pixels can show is a burden to a hundred viewers."""
PANELS: Final[Mapping[str, str]] = {
    "nashconv": "Exact NashConv: what a best response would win",
    "versus_nash": "Exact payoff against Nash",
    "exam": "Exams",
    "payoff": "Payoff in self-play",
    "score_against": "Checkpoints against players that never change",
    "score_past": "Checkpoints against earlier ones",
    "notes": "Measured by the game",
    "gold_gap": "Proxy minus gold",
    "entropy": "Entropy (nats a token)",
    "kl": "KL to the reference",
    "reply_tokens": "Reply length (tokens)",
    "thought_characters": "Thought length (characters)",
    "invalid_rate": "Share of replies refused",
    "cut_rate": "Share of replies cut off",
    "legal_mass": "Least mass on legal moves",
    "distinct": "Share of proposals that are distinct",
    "gate": "What the gate said of proposals",
    "verdicts": "Verdicts on code",
    "share": "Share of each game",
    "reason": "Why the league chose its opponents",
    "baseline": "Baselines",
    "games_per_second": "Games a second",
}
"""Kinds of metric that are drawn, in this order, and what they are called."""
AXES: Final = ("games", "tokens")
_AVERAGE: Final = "_average"


@dataclass(slots=True)
class Curve:
    """Points (x, mean of y), each of the last so many values; where there are too many, two become one."""

    xs: list[float] = field(default_factory=list[float])
    ys: list[float] = field(default_factory=list[float])
    stride: int = 1
    sent: int = 0
    """How many points from the first are known to readers as they are."""
    _open: int = 0

    def add(self, x: float, y: float) -> None:
        if self._open and self._open < self.stride:
            # the last point is the mean of fewer values than it has room for
            self._open += 1
            self.ys[-1] += (y - self.ys[-1]) / self._open
            self.xs[-1] = x
            self.sent = min(self.sent, len(self.xs) - 1)
        else:
            self.xs.append(x)
            self.ys.append(y)
            self._open = 1
        if len(self.xs) > MOST:
            self._halve()

    def _halve(self) -> None:
        # the last may hold fewer values, and then stays alone
        even = len(self.xs) // 2 * 2
        pairs = range(0, even, 2)
        self.xs = [self.xs[i + 1] for i in pairs] + self.xs[even:]
        self.ys = [(self.ys[i] + self.ys[i + 1]) / 2 for i in pairs] + self.ys[even:]
        self.stride *= 2
        self._open = self._open if even < len(self.xs) else self.stride
        self.sent = 0

    def points(self, start: int = 0) -> list[list[float]]:
        """[x, y] of each point from the `start`-th, short enough to be sent."""
        return [
            [_short(x), _short(y)] for x, y in zip(self.xs[start:], self.ys[start:], strict=True)
        ]


class Curves:
    """All curves of a run, by panel and line. A panel is a kind of metric, of one game of a menu."""

    def __init__(self, games: tuple[str, ...] = ()) -> None:
        self._games = games
        self._curves: dict[tuple[str, str], Curve] = {}
        self._places: dict[str, tuple[str, str] | None] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in a record of `metrics.jsonl`. What is no finite number is passed over."""
        step = number(record.get("step"))
        if step is None:
            return
        for name, value in record.items():
            if (y := number(value)) is None:
                continue
            if name not in self._places:
                self._places[name] = self._place(name)
            if place := self._places[name]:
                self._curves.setdefault(place, Curve()).add(step, y)

    def _place(self, name: str) -> tuple[str, str] | None:
        """(panel, line) of a metric; None where it is not drawn."""
        if name in AXES:
            return "", name
        game = next((game for game in self._games if name.startswith(f"{game}/")), "")
        kind, _, line = name.removeprefix(f"{game}/" if game else "").partition("/")

        # the weight average is a second line beside the weights
        if kind.endswith(_AVERAGE) and kind.removesuffix(_AVERAGE) in PANELS:
            kind, line = kind.removesuffix(_AVERAGE), "weight average"
        if kind not in PANELS:
            return None
        return (f"{kind}/{game}" if game else kind), line

    def news(self) -> dict[str, dict[str, Any]]:
        """What readers do not know: by panel and line, the points from the `at`-th on; then it is known."""
        found: dict[str, dict[str, Any]] = {}
        for (panel, line), curve in self._curves.items():
            if curve.sent < len(curve.xs):
                lines = found.setdefault(panel, {})
                lines[line] = {"at": curve.sent, "points": curve.points(curve.sent)}
                curve.sent = len(curve.xs)
        return found

    def whole(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for (panel, line), curve in self._curves.items():
            found.setdefault(panel, {})[line] = {"at": 0, "points": curve.points()}
        return found


def number(value: object) -> float | None:
    """The value as a number that can be drawn; None for anything else. To Python True is an int."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def _short(value: float) -> float:
    rounded = float(f"{value:.6g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
