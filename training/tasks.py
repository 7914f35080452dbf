"""The task buffer of a run: what games offer to `keep`, and later `recall`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from ..envs.script import Recall
from ..envs.types import Episode, Value
from ..envs.values import from_json, to_json


class Tasks:
    """Items by kind, the oldest dropped beyond `most`. The n-th recall of a step draws by its own key.

    Items kept during a step are seen from the next step on, in issue order, so that what a game
    recalls depends on no timing.
    """

    def __init__(self, seed: int, most: int = 4096) -> None:
        self._seed = seed
        self._most = most
        self._items: dict[str, list[Value]] = {}
        self._step = 0
        self._drawn = 0

    def begin(self, step: int) -> None:
        self._step, self._drawn = step, 0

    def __call__(self, wish: Recall) -> Sequence[Value]:
        """Up to `wish.count` items of the kind; of the game's own seeds while there are none."""
        name = f"tasks/{self._seed}/{self._step}/{self._drawn}"
        self._drawn += 1
        rng = random.Random(int.from_bytes(sha256(name.encode()).digest()))
        items = self._items.get(wish.kind) or list(wish.seeds)
        return rng.sample(items, min(wish.count, len(items)))

    def add(self, episodes: Iterable[Episode]) -> None:
        """Take in what the episodes, in issue order, kept."""
        for episode in episodes:
            for kind, item in episode.kept:
                kept = self._items.setdefault(kind, [])
                kept.append(item)
                del kept[: -self._most]

    def __len__(self) -> int:
        return sum(map(len, self._items.values()))

    def state(self) -> dict[str, Any]:
        return {kind: [to_json(item) for item in items] for kind, items in self._items.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._items = {kind: [from_json(item) for item in items] for kind, items in state.items()}
