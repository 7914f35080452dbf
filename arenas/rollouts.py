"""Many games at once: their requests merged into batches, their verdicts awaited on the side."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from time import perf_counter
from typing import Any, cast

from ..agents.policy import Policy, Request
from ..envs.table import Buffer
from ..envs.types import Episode, Job
from ..sandbox.verifier import Verifier
from .match import Match, Sitting, needed, replies, source

_log = logging.getLogger(__name__)


class _Waiting:
    """A sitting and the answers it still lacks."""

    __slots__ = ("answers", "index", "missing", "sitting")

    def __init__(self, index: int, sitting: Sitting) -> None:
        self.index = index
        self.sitting = sitting
        self.answers: list[Any] = []
        self.missing = 0


class _Round:
    """What is ready to be sent: requests by policy and jobs, each with where its answer goes."""

    def __init__(self) -> None:
        self.requests: dict[int, list[tuple[Request, _Waiting, int]]] = {}
        self.policies: dict[int, Policy] = {}
        self.jobs: list[tuple[Job, _Waiting, int]] = []

    def add(self, waiting: _Waiting) -> None:
        """Take on what the sitting is waiting for."""
        sitting = waiting.sitting
        asks, jobs = sitting.asks, sitting.jobs
        waiting.missing = len(asks) + len(jobs)
        waiting.answers = [None] * waiting.missing
        for slot, ask in enumerate(asks):
            policy = sitting.match.seats[ask.seat]
            self.policies[id(policy)] = policy
            self.requests.setdefault(id(policy), []).append((sitting.request(ask), waiting, slot))
        self.jobs += [(job, waiting, slot) for slot, job in enumerate(jobs)]


async def rollouts(
    matches: Iterable[Match],
    *,
    verifier: Verifier | None = None,
    buffer: Buffer | None = None,
    at_once: int = 256,
    deterministic: bool = True,
) -> AsyncGenerator[tuple[int, Episode]]:
    """Play all matches, `at_once` in flight, and yield (index, episode) as each ends.

    `deterministic`: a batch is sent only once every running game waits for something, in the order of
    the matches, so batches (and a model's rounding) do not depend on timing. Otherwise a policy that
    is free takes whatever waits for it.
    """
    driver = _Driver(iter(enumerate(matches)), verifier, buffer, at_once, deterministic)
    try:
        async for finished in driver.run():
            yield finished
    finally:
        await driver.cancel()


async def play_all(matches: Iterable[Match], **options: Any) -> list[Episode]:
    """All episodes in the order of their matches; options as for `rollouts`."""
    done = [pair async for pair in rollouts(matches, **options)]
    return [episode for _, episode in sorted(done, key=lambda pair: pair[0])]


class _Driver:
    def __init__(
        self,
        matches: Iterator[tuple[int, Match]],
        verifier: Verifier | None,
        buffer: Buffer | None,
        at_once: int,
        deterministic: bool,
    ) -> None:
        self._matches = matches
        self._verifier = verifier
        self._buffer = buffer
        self._at_once = at_once
        self._deterministic = deterministic
        self._running = 0
        self._round = _Round()
        self._tasks: dict[asyncio.Task[list[_Waiting]], int] = {}

    async def run(self) -> AsyncGenerator[tuple[int, Episode]]:
        moved: list[_Waiting] = self._fill()
        while self._running:
            over = [w for w in moved if w.sitting.table.pending is None]
            for waiting in moved:
                if waiting.sitting.table.pending is not None:
                    self._round.add(waiting)
            self._running -= len(over)
            for waiting in over:
                yield waiting.index, waiting.sitting.episode(self._verifier)
            fresh = self._fill()
            moved = fresh or await self._advance()

    async def cancel(self) -> None:
        """Stop what is in flight; nothing is left running behind a caller who stopped early."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _fill(self) -> list[_Waiting]:
        fresh: list[_Waiting] = []
        while self._running < self._at_once and (following := next(self._matches, None)):
            index, match = following
            fresh.append(_Waiting(index, Sitting(match, self._buffer)))
            self._running += 1
        return fresh

    async def _advance(self) -> list[_Waiting]:
        """Send what may be sent, wait, and return the sittings that got all their answers."""
        if not self._running:
            return []
        self._send()
        when = asyncio.ALL_COMPLETED if self._deterministic else asyncio.FIRST_COMPLETED
        done, _ = await asyncio.wait(self._tasks, return_when=when)
        moved: list[_Waiting] = []
        for task in sorted(done, key=self._tasks.__getitem__):
            del self._tasks[task]
            moved += task.result()
        return sorted(moved, key=lambda waiting: waiting.index)

    def _send(self) -> None:
        """Start a batch for every idle policy with waiting requests, and one for all waiting jobs."""
        ready, busy = self._round, set(self._tasks.values())
        self._round = _Round()
        for key, batch in ready.requests.items():
            if key in busy:
                self._round.requests[key] = batch
                self._round.policies[key] = ready.policies[key]
                continue
            batch.sort(key=lambda entry: entry[1].index)
            task = asyncio.ensure_future(_act(ready.policies[key], batch))
            self._tasks[task] = key
        if ready.jobs:
            verifier = needed(self._verifier, ready.jobs[0][1].sitting)
            self._tasks[asyncio.ensure_future(_verify(verifier, ready.jobs))] = 0


async def _act(policy: Policy, batch: list[tuple[Request, _Waiting, int]]) -> list[_Waiting]:
    began = perf_counter()
    try:
        answers = await replies(policy, [request for request, _, _ in batch])
    except Exception as fault:  # attributed: it ends every game that was waiting for it
        _log.exception("%s failed on a batch of %d", policy.ref.name, len(batch))
        return _failed(batch, fault)
    share = (perf_counter() - began) / len(batch)
    for request, waiting, _ in batch:
        waiting.sitting.seconds[request.seat] += share
    return _delivered(batch, answers)


async def _verify(verifier: Verifier, batch: list[tuple[Job, _Waiting, int]]) -> list[_Waiting]:
    verdicts = await verifier.verify([job for job, _, _ in batch])
    return _delivered(batch, verdicts)


def _delivered(batch: Sequence[tuple[Any, _Waiting, int]], answers: Sequence[Any]) -> list[_Waiting]:
    """Hand out answers; the sittings that now have all of theirs have moved."""
    moved: list[_Waiting] = []
    for (_, waiting, slot), answer in zip(batch, answers, strict=True):
        waiting.answers[slot] = answer
        waiting.missing -= 1
        if waiting.missing == 0 and waiting.sitting.table.pending is not None:
            waiting.sitting.answer(cast(Any, waiting.answers))
            moved.append(waiting)
    return moved


def _failed(batch: Sequence[tuple[Any, _Waiting, int]], fault: Exception) -> list[_Waiting]:
    """End the sittings of a batch by a fault that is no player's, each once."""
    moved: list[_Waiting] = []
    for _, waiting, _ in batch:
        if waiting.sitting.table.pending is not None:
            waiting.sitting.table.fail(fault, source(fault))
            moved.append(waiting)
    return moved
