"""Keys and values kept from turn to turn: a seat's next prompt mostly begins with its last one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from .kv_cache import GrowingLayer, growing_cache

Tokens: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A batch of prompts as a model has read them: what was computed, where it lies, and nothing later.

    rooms: for each layer the buffers (rows, heads, room, size) of keys and values
    slots: (rows, width) where each row's tokens lie in a room, in their order
    """

    rooms: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    slots: torch.Tensor

    @property
    def bytes(self) -> int:
        return sum(room.nbytes for pair in self.rooms for room in pair)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prompt lies: a row of a block."""

    block: Block
    row: int
    tokens: Tokens


def block_of(cache: Any, mask: torch.Tensor) -> Block | None:
    """What a cache holds now, of which `mask` (rows, width) is real; None for layers that forget.

    Nothing is copied: what is appended later lies behind, and what is reordered lies elsewhere.
    """
    if not all(type(layer) is GrowingLayer for layer in cache.layers):
        return None
    # Stable, so that a row's tokens keep their order.
    slots = mask.argsort(dim=-1, descending=True, stable=True)
    return Block(tuple(layer.rooms for layer in cache.layers), slots)


def beginning_with(model: Any, places: Sequence[Place]) -> tuple[Any, torch.Tensor]:
    """A cache whose row i holds the tokens of place i, and its mask (rows, the longest).

    Rows are padded on the left.
    """
    device = model.device
    counts = [len(place.tokens) for place in places]
    most, spare = max(counts), GrowingLayer.spare(max(counts))
    held = torch.tensor(counts, device=device)
    # Which of its tokens stands at each column: those of padding are negative, and read token 0.
    which = torch.arange(most, device=device) - (most - held)[:, None]

    # One gather for each block: rows of a batch come from few.
    members: dict[int, list[int]] = {}
    for index, place in enumerate(places):
        members.setdefault(id(place.block), []).append(index)

    cache: Any = growing_cache(model)
    for number, layer in enumerate(cache.layers):
        made: list[torch.Tensor] = []
        for kind in (0, 1):
            some = places[0].block.rooms[number][kind]
            heads, size = some.shape[1], some.shape[3]
            made.append(some.new_empty(len(places), heads, most + spare, size))
        layer.fill(made[0], made[1], most)

    for indices in members.values():
        block = places[indices[0]].block
        rows = torch.tensor([places[index].row for index in indices], device=device)
        into = torch.tensor(indices, device=device)
        slots = block.slots[rows].gather(1, which[into].clamp(min=0))
        _copy(block, cache, rows, slots, into)
    return cache, (which >= 0).long()


def _copy(
    block: Block, cache: Any, rows: torch.Tensor, slots: torch.Tensor, into: torch.Tensor
) -> None:
    """The block's rows, at these slots (n, width) of each, to the beginnings of the cache's rows `into`."""
    count, width = slots.shape
    for (keys, values), layer in zip(block.rooms, cache.layers, strict=True):
        for room, target in zip((keys, values), layer.rooms, strict=True):
            _, heads, length, size = room.shape
            # A token of a head is one line of the flat room: to copy lines is several times faster
            # than to index four axes.
            head = torch.arange(heads, device=room.device)
            lines = (rows[:, None] * heads + head)[:, :, None] * length + slots[:, None, :]
            found = room.view(-1, size).index_select(0, lines.flatten())
            target[into, :, :width] = found.view(count, heads, width, size)


class Kept:
    """The last prompt of every seat, up to `limit` bytes; the oldest go first.

    What is kept is of one state of the weights: `stamp` says which, and another forgets all.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places: dict[Hashable, Place] = {}
        self._stamp: Hashable = None

    def at(self, stamp: Hashable) -> Kept:
        """Itself, empty if the weights have changed."""
        if stamp != self._stamp:
            self._places.clear()
            self._stamp = stamp
        return self

    def find(self, seat: Hashable, prompt: Tokens) -> Place | None:
        """The seat's last prompt, if this one goes on from it.

        The same prompt asked again is read again: the same batch then gives the same bits.
        """
        place = self._places.get(seat)
        if place is None or len(prompt) <= len(place.tokens):
            return None
        return place if prompt[: len(place.tokens)] == place.tokens else None

    def add(
        self, block: Block | None, prompts: Sequence[Tokens], rows: Iterable[tuple[Hashable, int]]
    ) -> None:
        """Keep the prompts of a block: `rows` says which seat has which."""
        if block is None or block.bytes > self._limit:
            return
        for seat, row in rows:
            # Taken out first, so that the seat counts among the newest.
            self._places.pop(seat, None)
            self._places[seat] = Place(block, row, prompts[row])

        # A block lives as long as one of its rows is some seat's last; few are many seats'.
        held = {id(place.block): place.block for place in self._places.values()}
        blocks = {key: block.bytes for key, block in held.items()}
        while sum(blocks.values()) > self._limit:
            oldest = id(next(iter(self._places.values())).block)
            self._places = {s: p for s, p in self._places.items() if id(p.block) != oldest}
            del blocks[oldest]


def stamp(model: Any) -> Hashable:
    """What changes whenever a weight of the model does, in place or by exchange."""
    return tuple((p.data_ptr(), 0 if p.is_inference() else p._version) for p in model.parameters())
