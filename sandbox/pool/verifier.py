"""The verifier that both executors are: jobs in, verdicts out, over a pool of supervisors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from concurrent.futures import Future

from ...envs.types import Job, Verdict
from ..cache import Cache, apart
from ..request import Run
from ..verdicts import stages
from .pool import Pool
from .queue import Counters


class Pooled:
    """A `Verifier` over a pool. May be used from any event loop, or from none through `run`.

    `cache=None` has every job run each time it comes.
    """

    def __init__(self, name: str, pool: Pool, cache: Cache | None = None) -> None:
        self._name = name
        self._pool = pool
        self.cache = cache

    @property
    def name(self) -> str:
        return self._name

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """One verdict per job, in order. Cancelling kills what runs.

        Raises VerifierError when the pool is closed or belongs to another process.
        """
        return await self._verified(jobs)

    async def _verified(self, jobs: Sequence[Job], caller: object = None) -> Sequence[Verdict]:
        verdicts: list[Verdict] = []
        for future in self._submitted(jobs, verdicts, caller):
            await asyncio.wrap_future(future)
        return verdicts

    async def stream(self, jobs: Sequence[Job]) -> AsyncIterator[tuple[int, Verdict]]:
        """Each job's index and verdict, as they are done."""

        caller = object()  # one, so that many jobs have no more turns than a batch of them

        async def one(index: int, job: Job) -> tuple[int, Verdict]:
            return index, (await self._verified([job], caller))[0]

        tasks = [asyncio.create_task(one(i, job)) for i, job in enumerate(jobs)]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    def run(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """`verify` for code without an event loop: blocks until all are done."""
        verdicts: list[Verdict] = []
        for future in self._submitted(jobs, verdicts):
            try:
                future.result()
            except BaseException:
                future.cancel()
                raise
        return verdicts

    def _submitted(
        self, jobs: Sequence[Job], verdicts: list[Verdict], caller: object = None
    ) -> Iterator[Future[list[Verdict]]]:
        """What to wait for, one after another. After the last, `verdicts` holds one per job."""
        steps = self._steps(jobs)
        try:
            runs = next(steps)
            while True:
                future = self._pool.submit(runs, caller)
                yield future
                runs = steps.send(future.result())
        except StopIteration as end:
            verdicts += end.value

    def _steps(self, jobs: Sequence[Job]) -> Generator[list[Run], Sequence[Verdict], list[Verdict]]:
        """`stages` of the jobs that are new; equal jobs of one call are run once."""
        cache = self.cache
        if cache is None:
            return (yield from stages(jobs))

        # A job without a key is refused: its place stands for it, so that it is equal to no other.
        keys = [cache.key(job) or i.to_bytes(8, "little") for i, job in enumerate(jobs)]
        found = [cache.find(key) for key in keys]
        fresh = {
            key: job for key, job, known in zip(keys, jobs, found, strict=True) if known is None
        }

        verdicts = dict(zip(fresh, (yield from stages(list(fresh.values()))), strict=True))
        for key, verdict in verdicts.items():
            cache.keep(key if len(key) > 8 else None, verdict)

        return [known or apart(verdicts[key]) for key, known in zip(keys, found, strict=True)]

    def counters(self) -> Counters:
        """What was run, restarted, retried and forbidden so far."""
        return self._pool.counters()

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.close)

    def shut(self) -> None:
        """`close` for code without an event loop."""
        self._pool.close()
