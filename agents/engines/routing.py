"""Which server a prompt goes to: the server with the most of it in its prefix cache, unless it is busy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

BLOCK = 32
"""Tokens that are remembered as one, like a block of vLLM's prefix cache on a CPU (16 on a GPU)."""

SPILL = 8
"""A server that knows a prompt is taken while it has at most so many requests more than the least busy."""

_MOST = 1 << 17


class Prefixes:
    """Remembers, for beginnings of prompts, which servers have read them last.

    `asked` counts the blocks of all prompts so far, `known` those that the chosen server had read before.
    """

    def __init__(self, most: int = _MOST) -> None:
        self.asked = 0
        self.known = 0
        self._most = most
        self._readers: OrderedDict[int, set[int]] = OrderedDict()

    def choose(self, prompt: Sequence[int], adapter: str | None, busy: Mapping[int, int]) -> int:
        """Which server reads this prompt; `busy` are the requests under way of each that is up.

        A request moves on from a server that is busier than the least busy by more than SPILL; so the
        beginning that all prompts share (the rules) spreads over the servers by itself.
        """
        blocks = _blocks(prompt, adapter)

        least = min(busy.values())
        free = [place for place, count in busy.items() if count <= least + SPILL]
        # the longest known beginning wins, and among equals the least busy
        best = max(free, key=lambda place: (self._known(blocks, place), -busy[place]))

        self.asked += len(blocks)
        self.known += self._known(blocks, best)
        for block in blocks:
            self._readers.setdefault(block, set()).add(best)
            self._readers.move_to_end(block)
        while len(self._readers) > self._most:
            self._readers.popitem(last=False)
        return best

    def forget(self, place: int) -> None:
        """Forget what a server has read; it was restarted and its cache is empty."""
        for readers in self._readers.values():
            readers.discard(place)

    def _known(self, blocks: Sequence[int], place: int) -> int:
        """How many blocks from the beginning a server has read."""
        for number, block in enumerate(blocks):
            if place not in self._readers.get(block, ()):
                return number
        return len(blocks)


def _blocks(prompt: Sequence[int], adapter: str | None) -> list[int]:
    """A hash of each whole block with all before it; caches of different adapters share nothing."""
    found: list[int] = []
    # a block stands for all before it too: equal blocks behind other rules are others
    past = hash(adapter)
    for end in range(BLOCK, len(prompt) + 1, BLOCK):
        past = hash((past, tuple(prompt[end - BLOCK : end])))
        found.append(past)
    return found
