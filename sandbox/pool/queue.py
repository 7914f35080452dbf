"""The runs that wait for a worker, and where every run's verdict is delivered.

Workers take runs from here and settle them here. They know nothing of each other: what a worker must
know of the others (who is free, who holds runs back) is decided here, under one lock.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...envs.parse import Illegal
from ...envs.types import Status, Verdict
from ..request import Run, request
from ..verdicts import failed
from .ticket import Ticket
from .turns import Turns


class Consumer(Protocol):
    """What the queue needs to know of a worker, and may ask of it."""

    free: bool
    """It has nothing to do, and will look at the queue."""

    @property
    def doing(self) -> bool:
        """Whether a run is under way."""
        ...

    @property
    def rank(self) -> int:
        """Workers of a lower rank are woken first."""
        ...

    def wake(self, anyway: bool) -> bool:
        """Wake the worker if it sleeps, or `anyway`. Returns whether it was woken."""
        ...

    def behind(self) -> bool:
        """Whether runs wait behind the one that is running."""
        ...

    def recall(self) -> None:
        """Take back what waits behind a run that is taking long."""
        ...


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


class Queue:
    """Runs of several callers, in turn. Runs that want more than `megabytes` are refused."""

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes
        self._lock = threading.Lock()
        self._workers: Sequence[Consumer] = ()
        self._waiting = Turns()
        self._quarantine: set[bytes] = set()
        self._tally = _Tally()
        self.closed = False

    def serve(self, workers: Sequence[Consumer]) -> None:
        """Name the workers that take from this queue."""
        self._workers = workers

    def add(self, tickets: Sequence[Ticket]) -> None:
        """New runs, behind those of the same caller."""
        with self._lock:
            for ticket in tickets:
                self._waiting.add(ticket)
        self.wake()

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Runs that were not carried out, to the head of the queue."""
        with self._lock:
            for ticket in reversed(tickets):
                self._waiting.put_back(ticket)
        self.wake()

    def wake(self, everyone: bool = False) -> None:
        """Have workers look at the queue: as many as there are runs, the free ones first; or all."""
        wanted = len(self._waiting)

        for worker in sorted(self._workers, key=lambda worker: worker.rank):
            if everyone or wanted > 0:
                wanted -= worker.wake(everyone)

    def waiting(self) -> int:
        """How many runs no worker has taken."""
        return len(self._waiting)

    def take(self, worker: Consumer, room: int) -> list[Ticket]:
        """Up to `room` runs for a worker. A run that met a fault goes to a free worker, alone.

        A worker that is busy leaves to each free one a run.
        """
        taken: list[Ticket] = []
        with self._lock:
            # Under the lock: who is busy and who is free must not change while runs are shared out.
            busy = worker.doing
            share = self._share(worker, room)

            while self._waiting and len(taken) < share:
                # The next fault of this run must be its own: nothing else may run beside it.
                alone = self._waiting.head().faults > 0
                if alone and (taken or busy):
                    break
                ticket = self._waiting.pop()
                if not ticket.unwanted:
                    taken.append(ticket)
                if alone:
                    break

            worker.free = not busy and not taken
        return taken

    def _share(self, worker: Consumer, room: int) -> int:
        """How many of the waiting runs a worker may take now."""
        # An equal part each, so that a batch ends for all at about the same time.
        waiting = len(self._waiting)
        share = max(1, min(room, -(-waiting // len(self._workers))))
        if not worker.doing:
            return share
        spoken_for = sum(other.free for other in self._workers if other is not worker)
        return min(share, waiting - spoken_for)

    def framed(self, ident: int, ticket: Ticket) -> bytes:
        """The request for this run. Raises Illegal when the run is refused untried."""
        wanted = ticket.run.job.limits.megabytes
        frame = request(ident, ticket.run)

        if wanted > self._megabytes:
            raise Illegal(
                f"jobs of at most {self._megabytes} MiB fit this verifier, one of {wanted} MiB came: "
                "lower limits.megabytes, or open docker_verifier(megabytes=…) with more"
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

    def retry(
        self, tickets: Sequence[Ticket], reason: str, died: bool = True, lost: Status = "infra"
    ) -> None:
        """Runs whose supervisor failed: once more, then `lost`, and quarantine if it `died` of them."""
        for ticket in tickets:
            ticket.faults += 1
        again = [ticket for ticket in tickets if ticket.faults < 2]
        over = [ticket for ticket in tickets if ticket.faults >= 2]

        with self._lock:
            self._tally.retries += len(again)
            self._quarantine.update(_digest(ticket.run) for ticket in over if died)

        for ticket in over:
            self.settle(ticket, failed(ticket.run.job, lost, f"{reason}, twice"))
        self.put_back(again)

    def give_up(self, reason: str) -> None:
        """No supervisor can be started: everything waiting is `infra`."""
        for ticket in self.drain():
            self.settle(ticket, failed(ticket.run.job, "infra", reason))

    def drain(self) -> list[Ticket]:
        """Everything waiting; the queue is empty afterwards."""
        with self._lock:
            return [self._waiting.pop() for _ in range(len(self._waiting))]

    def relieve(self, idle: Consumer) -> bool:
        """Move runs from behind a long one to an idle worker. True while runs wait behind any run."""
        busy = [worker for worker in self._workers if worker is not idle and worker.behind()]
        for worker in busy:
            worker.recall()
        return bool(busy)

    def restarted(self) -> None:
        """A supervisor died and is replaced."""
        with self._lock:
            self._tally.restarts += 1

    def counters(self) -> Counters:
        """What was done so far."""
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


def _digest(run: Run) -> bytes:
    return hashlib.sha256(request(0, run)).digest()
