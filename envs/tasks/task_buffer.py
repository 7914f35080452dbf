"""A buffer of tasks of one kind: none twice, each with its latest difficulty, drawn evenly by difficulty."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from ..types import Value
from ..values import canonical
from .likeness import SAME_TASK, SAME_TEXT, alike, words
from .shapes import NEAR, outline, shape

Look: TypeAlias = tuple[Sequence[str], float]
BANDS = 5
"""Never solved, three bands in between, always solved; tasks without a solve rate are in the middle."""


@dataclass(frozen=True, slots=True)
class Task:
    """An item as a game kept it, its latest solve rate (None: not measured), and the step it was kept at."""

    item: Value
    rate: float | None
    step: int

    @property
    def band(self) -> int:
        """From 0 for tasks that no attempt solved to 4 for those that every attempt solved."""
        if self.rate is None:
            return BANDS // 2
        if self.rate <= 0:
            return 0
        # Tasks never or always solved teach nothing, so both ends are kept apart.
        return BANDS - 1 if self.rate >= 1 else 1 + min(2, int(3 * self.rate))


class Shelf:
    """Tasks of one kind, at most `most`. A task that comes again is measured anew, not stored twice.

    Draws take every difficulty band that is not empty with equal probability, so that the many easy tasks
    (the head) leave room for the few hard ones (the tail); room is made in the fullest band, by its oldest
    measurement.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._tasks: dict[str, Task] = {}
        self._looks: dict[str, Look] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def tasks(self) -> Sequence[Task]:
        """All tasks, the longest unmeasured first."""
        return sorted(self._tasks.values(), key=lambda task: task.step)

    def add(self, item: Value, step: int) -> None:
        """Take in an item kept at this step; the `solve_rate` of a dict is its difficulty."""
        rate = item.get("solve_rate") if isinstance(item, dict) else None
        key = identity(item)
        # Taken out first, so that the dict stays in the order of measurement.
        self._tasks.pop(key, None)
        self._tasks[key] = Task(item, float(rate) if isinstance(rate, (int, float)) else None, step)
        # Every proposal is compared with all tasks, so a look is worked out once.
        self._looks[key] = look(item)
        if len(self._tasks) > self._most:
            self._drop()

    def draw(self, count: int, rng: random.Random) -> list[Value]:
        """Up to `count` different items, balanced over the bands of difficulty."""
        bands: dict[int, list[Value]] = {}
        for task in self._tasks.values():
            bands.setdefault(task.band, []).append(task.item)
        for items in bands.values():
            rng.shuffle(items)

        # An emptied band leaves the draw, and the others share its odds.
        drawn: list[Value] = []
        while bands and len(drawn) < count:
            # sorted: the draw must not depend on the order in which the bands were met.
            band = rng.choice(sorted(bands))
            drawn.append(bands[band].pop())
            if not bands[band]:
                del bands[band]
        return drawn

    def copies(self, item: Value, count: int) -> list[Value]:
        """Up to `count` items that are near copies of this one: programs by outline, text by its words."""
        mine, share = look(item)
        found = (
            task.item
            for key, task in self._tasks.items()
            # An item without words or outline would be like every other such item.
            if mine and alike(mine, self._looks[key][0], share)
        )
        return list(islice(found, count))

    def stale(self, before: int) -> list[Value]:
        """The items last measured before this step, the longest unmeasured first: to be attempted again."""
        return [task.item for task in self.tasks if task.step < before]

    def _drop(self) -> None:
        sizes = [0] * BANDS
        for task in self._tasks.values():
            sizes[task.band] += 1
        fullest = sizes.index(max(sizes))
        # The dict is in the order of measurement, so the first of the band is its oldest.
        oldest = next(key for key, task in self._tasks.items() if task.band == fullest)
        del self._tasks[oldest], self._looks[oldest]


def look(item: Value) -> Look:
    """What near copies of an item are known by, and how much of it they share; nothing for other values."""
    if isinstance(item, str):
        return words(item), SAME_TEXT
    task, source = (
        (item.get("task"), item.get("source")) if isinstance(item, dict) else (None, None)
    )
    if isinstance(task, str):
        return words(task), SAME_TASK
    return (outline(source), NEAR) if isinstance(source, str) else ((), NEAR)


def identity(item: Value) -> str:
    """What makes two items the same task: programs by shape, text by its words, all else by value."""
    if isinstance(item, str):
        return " ".join(re.findall(r"\w+", item.casefold()))
    if not isinstance(item, dict):
        return canonical(item)
    # The rate is a measurement, and the source counts by its shape.
    rest = {name: value for name, value in item.items() if name not in ("solve_rate", "source")}
    source = item.get("source")
    return canonical((shape(source) if isinstance(source, str) else (), rest))
