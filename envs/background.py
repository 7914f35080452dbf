"""An event loop in a thread of its own, for callers that block and for callers in any loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Background:
    """Runs coroutines until it is closed; closing cancels those under way."""

    def __init__(self, name: str) -> None:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        # `_loop` is set by the thread: `begin` has to find it there
        self._ready.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start the work. To cancel the future cancels the work."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result; blocks the calling thread."""
        return self.begin(work).result()

    def close(self) -> None:
        """Cancel what is under way and end the thread; safe to call twice."""
        if self._thread.is_alive():
            # an asyncio.Event is not safe between threads: its own loop has to set it
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._ready.set()
        # asyncio.run cancels all that is still under way when this returns
        await self._closing.wait()
