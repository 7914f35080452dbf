"""News for many readers: made once, sent to all, and never faster than the work for it allows."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

MOST_WAITING: Final = 64
"""Events that wait for one reader. One who is further behind is told everything anew."""
HEARTBEAT_SECONDS: Final = 15.0


class _Reader:
    __slots__ = ("behind", "events", "woken")

    def __init__(self) -> None:
        self.events: deque[bytes] = deque()
        self.woken = asyncio.Event()
        self.behind = True


class Hub:
    """Hands what `tell` is given to everybody who reads; who begins to read is told `whole` first.

    All of it lives in one event loop, so a reader misses nothing between the whole and the news after it.
    """

    def __init__(self, whole: Callable[[], Mapping[str, Any]]) -> None:
        self._whole = whole
        self._readers: set[_Reader] = set()
        self._written: bytes | None = None
        self._ended = False

    def __len__(self) -> int:
        return len(self._readers)

    def tell(self, news: Mapping[str, Any]) -> None:
        """Send to all. `news` are already part of what `whole` gives."""
        self._written = None
        text = event("news", news)
        for reader in self._readers:
            if len(reader.events) >= MOST_WAITING:
                reader.events.clear()
                reader.behind = True
            if not reader.behind:
                reader.events.append(text)
            reader.woken.set()

    def end(self) -> None:
        """Let all readers go: a server that ends does not wait for them."""
        self._ended = True
        for reader in self._readers:
            reader.woken.set()

    async def read(self) -> AsyncGenerator[bytes]:
        """Server-sent events for one reader, until it goes away."""
        reader = _Reader()
        self._readers.add(reader)
        try:
            # a browser whose connection breaks comes back after a second
            yield b"retry: 1000\n\n"
            while not self._ended:
                if reader.behind:
                    reader.behind = False
                    yield self._all()
                    continue
                if reader.events:
                    yield reader.events.popleft()
                    continue
                reader.woken.clear()
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await reader.woken.wait()
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._readers.discard(reader)

    def _all(self) -> bytes:
        # a hundred readers that begin at once are told one text
        if self._written is None:
            self._written = event("whole", self._whole())
        return self._written


def event(kind: str, data: Mapping[str, Any]) -> bytes:
    """One server-sent event. JSON in ASCII has no line breaks, so nothing in it can end the event."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return f"event: {kind}\ndata: {text}\n\n".encode()
