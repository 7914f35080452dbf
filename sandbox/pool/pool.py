"""A few supervisors, each driven by a thread of its own, and the queue that feeds them.

Threads, not tasks: a pool outlives event loops, so `asyncio.run` may be called as often as one likes, and
the same pool serves code that has no loop at all. A supervisor that dies, or says anything odd, is
replaced; what it was running is tried once more, alone, and then given up as `infra`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from ...envs.types import Verdict
from ..request import Run
from ..verifier import VerifierError
from .connection import Connection
from .queue import Counters, Queue
from .ticket import Batch, Ticket
from .worker import Lifetime, Worker


class Pool:
    """`size` supervisors made by `connect`, each replaced at the end of its `lifetime`.

    `first` is one that is already there. Callers wait for their own verdicts, and no supervisor holds
    more than `FRAME` runs, so what is in flight is bounded whatever is asked. Runs that want more than
    `megabytes` are refused.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        size: int,
        *,
        first: Connection | None = None,
        lifetime: Lifetime = Lifetime(),  # noqa: B008 - frozen
        megabytes: int = 1 << 20,
    ) -> None:
        self._connect = connect
        self._first = first
        self._process = os.getpid()
        self._lock = threading.Lock()

        self._queue = Queue(megabytes)
        self._workers = [
            Worker(self._queue, self._connection, lifetime, f"sandbox-{i}") for i in range(size)
        ]
        self._queue.serve(self._workers)
        for worker in self._workers:
            worker.start()

    def _connection(self) -> Connection:
        """A supervisor for a worker. Raises VerifierError when none can be started."""
        with self._lock:
            first, self._first = self._first, None
        return first or self._connect()

    def submit(self, runs: Sequence[Run], caller: object = None) -> Future[list[Verdict]]:
        """The verdicts of these runs, in order. Cancelling the future kills or drops its runs.

        Callers are served in turn, one run each; without `caller` these runs count as one of their own.

        Raises VerifierError when the pool is closed or belongs to another process.
        """
        if os.getpid() != self._process:
            raise VerifierError(
                "this process was forked from the one that opened the verifier; open its own"
            )
        if self._queue.closed:
            raise VerifierError("the verifier is closed; open another")

        batch = Batch(len(runs), caller)
        if not runs:
            batch.future.set_result([])
            return batch.future

        self._queue.add([Ticket(run, batch, i) for i, run in enumerate(runs)])
        batch.future.add_done_callback(self._dropped)
        return batch.future

    def _dropped(self, future: Future[list[Verdict]]) -> None:
        if future.cancelled():
            self._queue.wake(everyone=True)

    def counters(self) -> Counters:
        """What was run, restarted, retried and forbidden so far."""
        return self._queue.counters()

    def close(self) -> None:
        """End every supervisor; what was waiting or running is cancelled."""
        self._queue.closed = True
        if os.getpid() != self._process:
            return  # the threads are those of the process that opened it

        self._queue.wake(everyone=True)
        for worker in self._workers:
            worker.join()

        with self._lock:
            first, self._first = self._first, None
        if first is not None:
            first.close()
        for ticket in self._queue.drain():
            ticket.batch.future.cancel()
