"""The verifier that both executors are: jobs in, verdicts out, over a pool of supervisors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ..envs.types import Job, Verdict
from .pool import Counters, Pool
from .verdicts import stages


class Pooled:
    """A `Verifier` over a pool. May be used from any event loop, or from none through `run`."""

    def __init__(self, name: str, pool: Pool) -> None:
        self._name = name
        self._pool = pool

    @property
    def name(self) -> str:
        return self._name

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """One verdict per job, in order. Waits while the queue is full; cancelling kills what runs."""
        steps = stages(jobs)
        runs = next(steps)
        while True:
            await asyncio.wrap_future(self._pool.admit())
            done = await asyncio.wrap_future(self._pool.submit(runs))
            try:
                runs = steps.send(done)
            except StopIteration as end:
                return end.value

    async def stream(self, jobs: Sequence[Job]) -> AsyncIterator[tuple[int, Verdict]]:
        """Each job's index and verdict, as they are done."""

        async def one(index: int, job: Job) -> tuple[int, Verdict]:
            return index, (await self.verify([job]))[0]

        tasks = [asyncio.create_task(one(i, job)) for i, job in enumerate(jobs)]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    def run(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """`verify` for code without an event loop: blocks until all are done."""
        steps = stages(jobs)
        runs = next(steps)
        while True:
            self._pool.admit().result()
            future = self._pool.submit(runs)
            try:
                runs = steps.send(future.result())
            except StopIteration as end:
                return end.value
            except BaseException:
                future.cancel()
                raise

    def counters(self) -> Counters:
        """What was run, restarted, retried and forbidden so far."""
        return self._pool.counters()

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.close)

    def shut(self) -> None:
        """`close` for code without an event loop."""
        self._pool.close()
