"""The task buffer of a run: what games offer to `keep`, and later `recall`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from ...envs.script import EITHER, SEARCH, STALE, Recall
from ...envs.search import ranked
from ...envs.seeds import generator
from ...envs.table import Buffer
from ...envs.tasks.task_buffer import Shelf
from ...envs.types import Episode, Value
from ...envs.values import from_json, to_json


class Tasks:
    """A shelf of tasks for each kind. Each recall of each of a step's games draws by its own key.

    Items kept during a step are seen from the next step on, in issue order, so that what a game
    recalls depends on no timing, nor on which process plays it. `rank` of `ranks` processes reviews every
    `ranks`-th of the stale items, so that none is reviewed twice.
    """

    def __init__(
        self, seed: int, most: int = 4096, loaded: Mapping[str, Sequence[Value]] | None = None
    ) -> None:
        self.rank, self.ranks = 0, 1
        self._seed = seed
        self._most = most
        self._loaded = loaded or {}
        self._shelves: dict[str, Shelf] = {}
        self.begin(0)

        for kind, items in self._loaded.items():
            for item in items:
                self._shelf(kind).add(item, 0)

    def begin(self, step: int) -> None:
        self._step, self._first = step, self.of(0)
        self._reviewed: dict[str, int] = {}

    def of(self, game: int) -> Buffer:
        """What the step's game of this index recalls from."""
        drawn = count()
        return lambda wish: self._recalled(wish, f"{game}/{next(drawn)}")

    def __call__(self, wish: Recall) -> Sequence[Value]:
        """What the step's first game recalls next."""
        return self._first(wish)

    def _recalled(self, wish: Recall, key: str) -> Sequence[Value]:
        """Up to `wish.count` items of the kind; of the game's own seeds while there are none.

        A kind `A|B` draws from the shelves of both. Of `stale/KIND`, those of the kind that were
        measured longest ago, before this step. Of `search/KIND`, those that have most to do with `wish.like`;
        otherwise with `wish.like`, near copies of it among all of the kind.
        """
        if wish.kind.startswith(SEARCH):
            shelf = self._shelves.get(wish.kind.removeprefix(SEARCH))
            known = [task.item for task in shelf.tasks] if shelf else wish.seeds
            return ranked(str(wish.like), known, wish.count)
        if wish.like is not None:
            return self._shelf(wish.kind).copies(wish.like, wish.count)

        rng = generator(f"tasks/{self._seed}/{self._step}/{key}")
        if wish.kind.startswith(STALE):
            return self._stale(wish.kind.removeprefix(STALE), wish.count)
        kinds = [kind for kind in wish.kind.split(EITHER) if kind in self._shelves]
        if len(kinds) == 1:
            return self._shelves[kinds[0]].draw(wish.count, rng)
        if kinds:
            return self._of_several(kinds, wish.count, rng)
        return rng.sample(wish.seeds, min(wish.count, len(wish.seeds)))

    def _of_several(self, kinds: Sequence[str], count: int, rng: random.Random) -> list[Value]:
        """Items of several kinds, each item of a kind that is drawn evenly among those with more."""
        drawn = {kind: self._shelves[kind].draw(count, rng) for kind in kinds}
        found: list[Value] = []
        while len(found) < count and any(drawn.values()):
            kind = rng.choice([kind for kind in kinds if drawn[kind]])
            found.append(drawn[kind].pop())
        return found

    def _stale(self, kind: str, count: int) -> Sequence[Value]:
        """The next items that were measured longest ago; none twice in a step."""
        items = self._shelves[kind].stale(self._step) if kind in self._shelves else []
        items = items[self.rank :: self.ranks]
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

    def carry(self, state: Mapping[str, Any], steps: int) -> None:
        """Go on with the tasks of a phase that had so many steps: they were all kept before step 0."""
        for kind, tasks in state.items():
            for item, step in tasks:
                self._shelf(kind).add(from_json(item), step - steps)

    def _shelf(self, kind: str) -> Shelf:
        if kind not in self._shelves:
            # What was loaded has room of its own: a corpus is not pushed out by what games keep.
            self._shelves[kind] = Shelf(self._most + len(self._loaded.get(kind, ())))
        return self._shelves[kind]
