"""A few supervisors, each driven by a thread of its own, and the queue that feeds them.

Threads, not tasks: a pool outlives event loops, so `asyncio.run` may be called as often as one likes, and
the same pool serves code that has no loop at all. A supervisor that dies, or says anything odd, is
replaced; what it was running is tried once more, alone, and then given up as `infra`.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import os
import select
import socket
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..envs.parse import Illegal
from ..envs.types import Verdict
from . import runner
from .verdicts import Report, Run, failed, request, verdict
from .verifier import VerifierError

FRAME: Final = 16  # runs given to a supervisor at a time: enough to hide the way there and back
GRACE_SECONDS: Final = runner.START_SECONDS + 10.0
"""Beyond a run's own deadline, before its supervisor counts as dead."""
HEARTBEAT_SECONDS: Final = 20.0  # well below a supervisor's patience with a silent client
STUCK_SECONDS: Final = 0.03  # a run longer than this has the ones behind it moved to an idle worker
OPEN_TRIES: Final = 6  # an engine that is being restarted is back within these tries
REPLY_BYTES: Final = 64 << 20
HELD_BYTES: Final = 8 << 20  # of requests that a supervisor holds while it runs another


class ConnectionLost(Exception):
    """The supervisor is gone or cannot be understood."""


class Connection(Protocol):
    """A running supervisor and the stream to it."""

    def fileno(self) -> int: ...

    def send(self, data: memoryview) -> int:
        """Send some of `data` without blocking; how much was taken. Raises OSError."""
        ...

    def receive(self) -> bytes:
        """What has arrived, without framing; empty when only part of a frame has. Raises ConnectionLost."""
        ...

    def close(self) -> None:
        """End the supervisor and everything it runs; safe to call twice."""
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


class _Batch:
    """Runs submitted together; resolves when the last is done."""

    def __init__(self, size: int) -> None:
        self.future: Future[list[Verdict]] = Future()
        self._verdicts: list[Verdict | None] = [None] * size
        self._left = size

    def settle(self, index: int, verdict: Verdict) -> None:
        self._verdicts[index] = verdict
        self._left -= 1
        if self._left == 0 and self.future.set_running_or_notify_cancel():
            self.future.set_result([each for each in self._verdicts if each is not None])


@dataclass(eq=False, slots=True)
class _Ticket:
    """One run on its way. `faults` counts the supervisors that failed with it in hand."""

    run: Run
    batch: _Batch
    index: int
    size: int = 0
    faults: int = 0
    recalled: bool = False

    @property
    def unwanted(self) -> bool:
        return self.batch.future.cancelled()


@dataclass
class _Tally:
    runs: int = 0
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
        self._waiting: deque[_Ticket] = deque()
        self._quarantine: set[bytes] = set()
        self._tally = _Tally()
        self._workers = [_Worker(self, f"sandbox-{i}") for i in range(size)]
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
            raise VerifierError("this process was forked from the one that opened the verifier; open its own")
        if self.closed:
            raise VerifierError("the verifier is closed; open another")
        batch = _Batch(len(runs))
        if not runs:
            batch.future.set_result([])
            return batch.future
        tickets = [_Ticket(run, batch, i) for i, run in enumerate(runs)]
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

    def take(self, worker: _Worker, room: int) -> list[_Ticket]:
        """Runs for a worker with this much room; a run that met a fault goes to a free worker, alone.

        A worker that is busy leaves to each free one a run.
        """
        taken: list[_Ticket] = []
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

    def put_back(self, tickets: Sequence[_Ticket]) -> None:
        """Runs that were not carried out, to the head of the queue."""
        with self._lock:
            self._waiting.extendleft(reversed(tickets))
        self.wake()

    def retry(self, tickets: Sequence[_Ticket], reason: str, died: bool = True) -> None:
        """Runs whose supervisor failed: once more, then `infra`, and quarantine if it `died` of them."""
        again: list[_Ticket] = []
        for ticket in tickets:
            ticket.faults += 1
            if ticket.faults < 2:
                again.append(ticket)
                self._tally.retries += 1
            else:
                if died:
                    self._quarantine.add(_digest(ticket.run))
                self.settle(ticket, failed(ticket.run.job, "infra", f"{reason}, twice"))
        self.put_back(again)

    def framed(self, ident: int, ticket: _Ticket) -> bytes:
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

    def settle(self, ticket: _Ticket, verdict: Verdict) -> None:
        """Deliver a verdict."""
        with self._lock:
            self._tally.runs += 1
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
        self._tally.restarts += 1

    def relieve(self, idle: _Worker) -> bool:
        """Move runs from behind a long one to an idle worker. True while any worker has runs behind one."""
        busy = [worker for worker in self._workers if worker is not idle and worker.behind()]
        for worker in busy:
            worker.recall()
        return bool(busy)

    def waiting(self) -> int:
        """How many runs no worker has taken."""
        return len(self._waiting)

    def counters(self) -> Counters:
        tally = self._tally
        with self._lock:
            statuses = dict(tally.statuses)
        return Counters(tally.runs, statuses, tally.forbidden, tally.restarts, tally.retries,
                        len(self._quarantine), len(self._waiting))  # fmt: skip

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


class _Worker:
    """A thread that keeps one supervisor fed."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool = pool
        self._doing: OrderedDict[int, _Ticket] = OrderedDict()
        self._orders: deque[int] = deque()  # runs to take back
        self._since = time.monotonic()  # when the first of `_doing` began
        self._next = 1
        self._asleep = True
        self._connected = False
        self.free = True  # has nothing to do, and will look at the queue
        self._ours, self._bell = socket.socketpair()
        self._ours.setblocking(False)
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def doing(self) -> bool:
        """Whether a run is under way."""
        return bool(self._doing)

    @property
    def rank(self) -> int:
        """Who is woken first: the free with a supervisor, the free, the busy."""
        return 2 * (not self.free) + (not self._connected)

    def wake(self, anyway: bool) -> bool:
        """Ring, unless it is awake; whether it was rung."""
        if not (self._asleep or anyway):
            return False
        self._asleep = False
        with contextlib.suppress(OSError):
            self._bell.send(b"!")
        return True

    def join(self) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=30)
        self._ours.close()
        self._bell.close()

    def behind(self) -> bool:
        """Whether runs wait behind the one that is running."""
        return len(self._doing) > 1

    def recall(self) -> None:
        """Take back what waits behind a run that is taking long."""
        if time.monotonic() - self._since < STUCK_SECONDS:
            return
        for ident, ticket in list(self._doing.items())[1:]:
            if not ticket.recalled:
                ticket.recalled = True
                self._orders.append(ident)
        self.wake(True)

    def _main(self) -> None:
        tries = 0
        while not self._pool.closed:
            tickets = self._pool.take(self, FRAME)
            if not tickets:
                self._sleep()
                continue
            try:
                connection = self._pool.connection()
            except Exception as fault:  # an engine has many ways to fail, and this thread must go on
                tries += 1
                self._pool.put_back(tickets)
                if tries >= OPEN_TRIES:
                    self._pool.give_up(str(fault) or type(fault).__name__)
                    tries = 0
                else:
                    time.sleep(0.2 * 2**tries)
                continue
            tries = 0
            self._serve(connection, tickets)

    def _sleep(self) -> None:
        self._asleep = True
        relief = self._pool.relieve(self)
        patience = 0.0 if self._pool.waiting() else STUCK_SECONDS if relief else 60.0
        with contextlib.suppress(OSError):
            select.select([self._ours], [], [], patience)
            self._ours.recv(4096)

    def _serve(self, connection: Connection, tickets: list[_Ticket]) -> None:
        stream = _Stream(connection)
        self._connected = True
        try:
            self._start(stream, tickets)
            self._drive(stream)
        except Exception as fault:  # whatever it is, this thread must go on, and its runs be told
            self._pool.restarted()
            lost = list(self._doing.values())
            self._doing.clear()
            connection.close()
            self._pool.retry(lost, f"the supervisor was lost ({fault})")
        finally:
            self._connected = False
            connection.close()

    def _drive(self, stream: _Stream) -> None:
        """Feed and hear one supervisor until the pool closes or its time is over."""
        began = spoke = time.monotonic()
        ran_before = self._next
        while True:
            pool = self._pool
            if pool.closed:
                for ticket in self._doing.values():
                    ticket.batch.future.cancel()
                self._doing.clear()
                return
            old = (
                self._next - ran_before > pool.recycle_runs or time.monotonic() - began > pool.recycle_seconds
            )
            if old and not self._doing:
                return
            alone = any(ticket.faults for ticket in self._doing.values())
            stuck = bool(self._doing) and time.monotonic() - self._since > STUCK_SECONDS
            full = len(self._doing) > FRAME // 2 or self._held() > HELD_BYTES
            room = not (old or alone or stuck or full)
            if room:
                self._start(stream, pool.take(self, FRAME - len(self._doing)))
            self._take_back(stream)
            self._asleep = room
            relief = not self._doing and pool.relieve(self)
            if room and not self._doing and pool.waiting():
                continue  # submitted between the look and the sleep
            if stream.wait(self._ours, self._patience(relief)):
                self._hear(stream)
            with contextlib.suppress(BlockingIOError):
                self._ours.recv(4096)
            if time.monotonic() > spoke + HEARTBEAT_SECONDS:
                spoke = time.monotonic()
                stream.send(_frame(()))

    def _patience(self, relief: bool) -> float:
        if not self._doing:
            return STUCK_SECONDS if relief else HEARTBEAT_SECONDS
        first = next(iter(self._doing.values()))
        left = self._since + first.run.job.limits.seconds + GRACE_SECONDS - time.monotonic()
        if left <= 0:
            raise ConnectionLost("no reply long after the deadline")
        return min(left, HEARTBEAT_SECONDS)

    def _held(self) -> int:
        """Bytes of the requests that the supervisor has."""
        return sum(ticket.size for ticket in self._doing.values())

    def _start(self, stream: _Stream, tickets: Sequence[_Ticket]) -> None:
        frames: list[bytes] = []
        for place, ticket in enumerate(tickets):
            if self._doing and self._held() > HELD_BYTES:
                self._pool.put_back(tickets[place:])
                break
            try:
                frame = self._pool.framed(self._next, ticket)
            except Exception as fault:  # a job may be wrong in any way, and only it is refused for it
                self._pool.settle(ticket, failed(ticket.run.job, "refused", str(fault)[:500]))
                continue
            if not self._doing:
                self._since = time.monotonic()
            ticket.size = len(frame)
            frames.append(frame)
            self._doing[self._next] = ticket
            self._next += 1
        if frames:
            stream.send(b"".join(frames))

    def _take_back(self, stream: _Stream) -> None:
        """Tell the supervisor what is unwanted or has been recalled; it answers each with CANCELLED."""
        idents = [ident for ident in self._orders if ident in self._doing]
        self._orders.clear()
        for ident, ticket in self._doing.items():
            if ticket.unwanted and not ticket.recalled:
                ticket.recalled = True
                idents.append(ident)
        if idents:
            stream.send(b"".join(_frame((ident,)) for ident in idents))

    def _hear(self, stream: _Stream) -> None:
        for ident, report in stream.replies():
            if report.fate == runner.HELLO:
                continue
            first = next(iter(self._doing), None) == ident
            ticket = self._doing.pop(ident, None)
            if ticket is None:
                raise ConnectionLost(f"a reply came to run {ident}, which was not asked")
            if first:
                self._since = time.monotonic()
            if report.fate == runner.CANCELLED:
                ticket.recalled = False
                if not ticket.unwanted:
                    self._pool.put_back([ticket])
                continue
            outcome = verdict(ticket.run.job, report)
            if outcome.status == "infra":
                self._pool.retry([ticket], outcome.detail, died=False)
            else:
                self._pool.settle(ticket, outcome)


def _frame(content: tuple[int, ...]) -> bytes:
    """One run's number takes it back; none says that we are here."""
    body = marshal.dumps(content)
    return len(body).to_bytes(4, "little") + body


class _Stream:
    """Frames over a connection, in both directions, without blocking."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._outgoing = bytearray()
        self._incoming = bytearray()

    def send(self, data: bytes) -> None:
        self._outgoing += data
        self._push()

    def _push(self) -> None:
        try:
            while self._outgoing:
                sent = self._connection.send(memoryview(bytes(self._outgoing[: 1 << 18])))
                del self._outgoing[:sent]
        except BlockingIOError:
            return

    def wait(self, bell: socket.socket, seconds: float) -> bool:
        """Wait for the supervisor or the bell; push what is unsent. True if the supervisor said something."""
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        own = self._connection.fileno()
        poll.register(own, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        events = dict(poll.poll(max(1, int(seconds * 1000) + 1)))
        if events.get(own, 0) & select.POLLOUT:
            self._push()
        return bool(events.get(own, 0) & ~select.POLLOUT)

    def replies(self) -> list[tuple[int, Report]]:
        """The whole replies that have arrived."""
        self._incoming += self._connection.receive()
        found: list[tuple[int, Report]] = []
        start, head = 0, runner.REPLY.size
        while len(self._incoming) - start >= head:
            ident, fate, status, wall, user, system, _, *sizes = runner.REPLY.unpack_from(
                self._incoming, start
            )
            if sum(sizes) > REPLY_BYTES:
                raise ConnectionLost("a reply is too large")
            if len(self._incoming) - start - head < sum(sizes):
                break
            start += head
            parts: list[bytes] = []
            for size in sizes:
                parts.append(bytes(self._incoming[start : start + size]))
                start += size
            found.append((ident, Report(fate, status, wall, user + system, *parts)))
        del self._incoming[:start]
        return found
