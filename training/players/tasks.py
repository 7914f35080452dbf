"""The task buffer of a run: what games offer to `keep`, and later `recall`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...envs.script import STALE, Recall
from ...envs.seeds import generator
from ...envs.tasks.task_buffer import Shelf
from ...envs.types import Episode, Value
from ...envs.values import from_json, to_json


class Tasks:
    """A shelf of tasks for each kind. The n-th recall of a step draws by its own key.

    Items kept during a step are seen from the next step on, in issue order, so that what a game
    recalls depends on no timing.
    """

    def __init__(self, seed: int, most: int = 4096) -> None:
        self._seed = seed
        self._most = most
        self._shelves: dict[str, Shelf] = {}
        self.begin(0)

    def begin(self, step: int) -> None:
        self._step, self._drawn = step, 0
        self._reviewed: dict[str, int] = {}

    def __call__(self, wish: Recall) -> Sequence[Value]:
        """Up to `wish.count` items of the kind; of the game's own seeds while there are none.

        Of `stale/KIND`, those of the kind that were measured longest ago, before this step. With
        `wish.like`, near copies of it among all of the kind.
        """
        # Copies are looked up and not drawn, so the count of draws stays as it is.
        if wish.like is not None:
            return self._shelf(wish.kind).copies(wish.like, wish.count)

        rng = generator(f"tasks/{self._seed}/{self._step}/{self._drawn}")
        self._drawn += 1
        if wish.kind.startswith(STALE):
            return self._stale(wish.kind.removeprefix(STALE), wish.count)
        if wish.kind in self._shelves:
            return self._shelves[wish.kind].draw(wish.count, rng)
        return rng.sample(wish.seeds, min(wish.count, len(wish.seeds)))

    def _stale(self, kind: str, count: int) -> Sequence[Value]:
        """The next items that were measured longest ago; none twice in a step."""
        items = self._shelves[kind].stale(self._step) if kind in self._shelves else []
        first = self._reviewed.get(kind, 0)
        self._reviewed[kind] = first + count
        return items[first : first + count]

    def add(self, episodes: Iterable[Episode]) -> None:
        """Take in what the episodes, in issue order, kept."""
        for episode in episodes:
            for kind, item in episode.kept:
                self._shelf(kind).add(item, self._step)

    def __len__(self) -> int:
        return sum(map(len, self._shelves.values()))

    def state(self) -> dict[str, Any]:
        return {
            kind: [[to_json(task.item), task.step] for task in shelf.tasks]
            for kind, shelf in self._shelves.items()
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._shelves = {}
        for kind, tasks in state.items():
            for item, step in tasks:
                self._shelf(kind).add(from_json(item), step)

    def _shelf(self, kind: str) -> Shelf:
        return self._shelves.setdefault(kind, Shelf(self._most))
