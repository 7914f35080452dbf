"""A key-value cache that grows in place: a new token is written, not the whole past copied."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

_SPARE = 64


class GrowingLayer(DynamicLayer):
    """A layer's keys and values as the filled part of larger buffers (rows, heads, room, size)."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms: dict[str, torch.Tensor] = {}

    @staticmethod
    def spare(total: int) -> int:
        """Room behind so many tokens: half as much again, for to copy at every one costs the square."""
        return max(_SPARE, total // 2)

    @property
    def rooms(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The buffers of keys and of values, filled or not."""
        return self._rooms["keys"], self._rooms["values"]

    def fill(self, keys: torch.Tensor, values: torch.Tensor, total: int) -> None:
        """Take buffers over whose first `total` tokens are the past."""
        self._rooms = {"keys": keys, "values": values}
        past = keys[:, :, :total], values[:, :, :total]
        self.lazy_initialization(*past)
        self.keys, self.values = past

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys = self._append("keys", self.keys, key_states)
        self.values = self._append("values", self.values, value_states)
        return self.keys, self.values

    def _append(self, name: str, seen: torch.Tensor | None, new: torch.Tensor) -> torch.Tensor:
        """`seen` with `new` behind it; copied only where its buffer is full or no longer its own."""
        # a layer begins with an empty tensor of one dimension
        past = seen.shape[2] if seen is not None and seen.numel() else 0
        total = past + new.shape[2]
        room = self._rooms.get(name)
        if room is None or not _holds(room, seen, total):
            rows, heads, _, size = new.shape
            room = new.new_empty(rows, heads, total + self.spare(total), size)
            if seen is not None and past:
                room[:, :, :past] = seen
            self._rooms[name] = room

        room[:, :, past:total] = new
        return room[:, :, :total]


def _holds(room: torch.Tensor, seen: torch.Tensor | None, total: int) -> bool:
    """Whether `seen` is the beginning of `room`, with space for `total`."""
    return (
        # after a reordering `seen` is a tensor of its own, elsewhere in memory
        seen is not None
        and seen.data_ptr() == room.data_ptr()
        and seen.shape[0] == room.shape[0]
        and total <= room.shape[2]
    )


def growing_cache(model: Any) -> DynamicCache:
    """The cache that this model wants, its plain layers made to grow in place."""
    cache = DynamicCache(config=model.config)
    # of the exact type only: layers with a sliding window drop their past themselves
    cache.layers = [
        GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers
    ]
    return cache


def joined(one: DynamicCache, other: DynamicCache, trim: int = 0) -> DynamicCache:
    """The rows of both caches in one, the shorter padded on the left; `one` is used up.

    `trim` columns on the left of `one` are cut off: nothing but padding stands there. Raises ValueError for
    a model whose layers drop their past themselves.
    """
    for mine, theirs in zip(one.layers, other.layers, strict=True):
        if not (isinstance(mine, GrowingLayer) and isinstance(theirs, GrowingLayer)):
            raise ValueError("layers with a window cannot be joined")
        # both have read a prompt, so neither is empty
        keys: Any = mine.keys
        values: Any = mine.values
        mine.keys = _stacked(keys[:, :, trim:], theirs.keys)
        mine.values = _stacked(values[:, :, trim:], theirs.values)
    return one


def _stacked(a: Any, b: Any) -> torch.Tensor:
    """Rows of both, of shape (rows, heads, length, size), with zeros on the left of the shorter."""
    width = max(a.shape[2], b.shape[2])
    return torch.cat([torch.nn.functional.pad(x, (0, 0, width - x.shape[2], 0)) for x in (a, b)])
