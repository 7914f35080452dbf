"""A few supervisors, each driven by a thread of its own, and the queue that feeds them.

Threads, not tasks: a pool outlives event loops, so `asyncio.run` may be called as often as one likes, and
the same pool serves code that has no loop at all. A supervisor that dies, or says anything odd, is
replaced; what it was running is tried once more, alone, and then given up as `infra`.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from ...envs.parse import Illegal
from ...envs.types import Verdict
from ..verdicts import Run, failed, request
from ..verifier import VerifierError
from .stream import Connection
from .ticket import Batch, Ticket
from .worker import Worker


@dataclass(frozen=True, slots=True)
class Counters:
    """What a pool has done so far. `restarts` counts replaced supervisors, `retries` runs tried again."""

    runs: int
    statuses: dict[str, int]
    forbidden: int
    restarts: int
    retries: int
    quarantined: int
    waiting: int


@dataclass
class _Tally:
    statuses: Counter[str] = field(default_factory=lambda: Counter[str]())
    forbidden: int = 0
    restarts: int = 0
    retries: int = 0


class Pool:
    """`size` supervisors made by `connect`, replaced after `recycle_runs` runs or `recycle_seconds`.

    `first` is one that is already there. Callers wait for their own verdicts, and no supervisor holds more
    than `FRAME` runs, so what is in flight is bounded whatever is asked. Runs that want more than `megabytes`
    are refused.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        size: int,
        *,
        first: Connection | None = None,
        recycle_runs: int = 20_000,
        recycle_seconds: float = 3600.0,
        megabytes: int = 1 << 20,
    ) -> None:
        self._connect = connect
        self._first = first
        self.recycle_runs = recycle_runs
        self.recycle_seconds = recycle_seconds
        self._megabytes = megabytes
        self.closed = False
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._waiting: deque[Ticket] = deque()
        self._quarantine: set[bytes] = set()
        self._tally = _Tally()
        self._workers = [Worker(self, f"sandbox-{i}") for i in range(size)]
        for worker in self._workers:
            worker.start()

    def connection(self) -> Connection:
        """A supervisor for a worker. Raises VerifierError when none can be started."""
        with self._lock:
            first, self._first = self._first, None
        return first or self._connect()

    def submit(self, runs: Sequence[Run]) -> Future[list[Verdict]]:
        """The verdicts of these runs, in order. Cancelling the future kills or drops its runs."""
        if os.getpid() != self._process:
            raise VerifierError(
                "this process was forked from the one that opened the verifier; open its own"
            )
        if self.closed:
            raise VerifierError("the verifier is closed; open another")
        batch = Batch(len(runs))
        if not runs:
            batch.future.set_result([])
            return batch.future
        tickets = [Ticket(run, batch, i) for i, run in enumerate(runs)]
        with self._lock:
            self._waiting.extend(tickets)
        batch.future.add_done_callback(self._dropped)
        self.wake()
        return batch.future

    def _dropped(self, future: Future[list[Verdict]]) -> None:
        if future.cancelled():
            self.wake(everyone=True)

    def wake(self, everyone: bool = False) -> None:
        """Have workers look at the queue: as many as there are runs, the free ones first; or all."""
        wanted = len(self._waiting)
        for worker in sorted(self._workers, key=lambda worker: worker.rank):
            if everyone or wanted > 0:
                wanted -= worker.wake(everyone)

    def take(self, worker: Worker, room: int) -> list[Ticket]:
        """Runs for a worker with this much room; a run that met a fault goes to a free worker, alone.

        A worker that is busy leaves to each free one a run.
        """
        taken: list[Ticket] = []
        with self._lock:
            busy = worker.doing
            share = max(1, min(room, -(-len(self._waiting) // len(self._workers))))
            if busy:
                spoken_for = sum(other.free for other in self._workers if other is not worker)
                share = min(share, len(self._waiting) - spoken_for)
            while self._waiting and len(taken) < share:
                alone = self._waiting[0].faults > 0
                if alone and (taken or busy):
                    break
                ticket = self._waiting.popleft()
                if not ticket.unwanted:
                    taken.append(ticket)
                if alone:
                    break
            worker.free = not busy and not taken
        return taken

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Runs that were not carried out, to the head of the queue."""
        with self._lock:
            self._waiting.extendleft(reversed(tickets))
        self.wake()

    def retry(self, tickets: Sequence[Ticket], reason: str, died: bool = True) -> None:
        """Runs whose supervisor failed: once more, then `infra`, and quarantine if it `died` of them."""
        for ticket in tickets:
            ticket.faults += 1
        again = [ticket for ticket in tickets if ticket.faults < 2]
        lost = [ticket for ticket in tickets if ticket.faults >= 2]
        with self._lock:
            self._tally.retries += len(again)
            self._quarantine.update(_digest(ticket.run) for ticket in lost if died)
        for ticket in lost:
            self.settle(ticket, failed(ticket.run.job, "infra", f"{reason}, twice"))
        self.put_back(again)

    def framed(self, ident: int, ticket: Ticket) -> bytes:
        """The request for this run. Raises Illegal when it is not even tried."""
        wanted = ticket.run.job.limits.megabytes
        frame = request(ident, ticket.run)
        if wanted > self._megabytes:
            raise Illegal(
                f"jobs of at most {self._megabytes} MiB fit this verifier, one of {wanted} MiB came: lower "
                "limits.megabytes, or open docker_verifier(megabytes=…) with more"
            )
        if ticket.faults == 0 and self._quarantine and _digest(ticket.run) in self._quarantine:
            raise Illegal("this run was under way each time when two supervisors died")
        return frame

    def settle(self, ticket: Ticket, verdict: Verdict) -> None:
        """Deliver a verdict."""
        with self._lock:
            self._tally.statuses[verdict.status] += 1
            self._tally.forbidden += verdict.forbidden
            if not ticket.unwanted:
                ticket.batch.settle(ticket.index, verdict)

    def give_up(self, reason: str) -> None:
        """No supervisor can be started: everything waiting is `infra`."""
        with self._lock:
            tickets, self._waiting = list(self._waiting), deque()
        for ticket in tickets:
            self.settle(ticket, failed(ticket.run.job, "infra", reason))

    def restarted(self) -> None:
        """A supervisor died and is replaced."""
        with self._lock:
            self._tally.restarts += 1

    def relieve(self, idle: Worker) -> bool:
        """Move runs from behind a long one to an idle worker. True while any worker has runs behind one."""
        busy = [worker for worker in self._workers if worker is not idle and worker.behind()]
        for worker in busy:
            worker.recall()
        return bool(busy)

    def waiting(self) -> int:
        """How many runs no worker has taken."""
        return len(self._waiting)

    def counters(self) -> Counters:
        with self._lock:
            tally, statuses = self._tally, dict(self._tally.statuses)
            return Counters(
                runs=sum(statuses.values()),
                statuses=statuses,
                forbidden=tally.forbidden,
                restarts=tally.restarts,
                retries=tally.retries,
                quarantined=len(self._quarantine),
                waiting=len(self._waiting),
            )

    def close(self) -> None:
        """End every supervisor; what was waiting or running is cancelled."""
        self.closed = True
        if os.getpid() != self._process:
            return
        self.wake(everyone=True)
        for worker in self._workers:
            worker.join()
        with self._lock:
            left, self._waiting = list(self._waiting), deque()
            first, self._first = self._first, None
        if first is not None:
            first.close()
        for ticket in left:
            ticket.batch.future.cancel()


def _digest(run: Run) -> bytes:
    return hashlib.sha256(request(0, run)).digest()
