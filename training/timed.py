"""How long verdicts took: a verifier that looks at the clock."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..envs.types import Job, Verdict
from ..sandbox.verifier import Verifier


class Timed:
    """A verifier that adds up the time in which a batch was with it."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._running = 0  # batches that are with it now: overlapping ones count once
        self._since = 0.0
        self.seconds = 0.0

    @property
    def name(self) -> str:
        return self._verifier.name

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        if not self._running:
            self._since = time.perf_counter()
        self._running += 1
        try:
            return await self._verifier.verify(jobs)
        finally:
            self._running -= 1
            if not self._running:
                self.seconds += time.perf_counter() - self._since

    async def close(self) -> None:
        await self._verifier.close()
