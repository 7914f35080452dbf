"""A thread that feeds one supervisor with runs of the queue, hears its replies, and replaces it."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..runner import wire
from ..verdicts import failed, verdict
from .connection import Connection, ConnectionLost
from .queue import Queue
from .stream import Stream, cancel
from .ticket import Ticket

FRAME: Final = 16
"""Runs given to a supervisor at a time: enough to hide the way there and back."""
GRACE_SECONDS: Final = wire.START_SECONDS + 10.0
"""Beyond a run's own deadline, before its supervisor counts as dead."""
HEARTBEAT_SECONDS: Final = 20.0
"""Well below a supervisor's patience with a silent client."""
STUCK_SECONDS: Final = 0.03
"""A run longer than this has the ones behind it moved to an idle worker."""
OPEN_TRIES: Final = 6
"""An engine that is being restarted is back within these tries."""
HELD_BYTES: Final = 8 << 20
"""Of requests that a supervisor holds while it runs another."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a supervisor is replaced though nothing is wrong: after so many runs, or so long."""

    runs: int = 20_000
    seconds: float = 3600.0


class Worker:
    """A thread that keeps one supervisor fed with the runs of a queue; `connect` makes a supervisor."""

    def __init__(
        self, queue: Queue, connect: Callable[[], Connection], lifetime: Lifetime, name: str
    ) -> None:
        self._queue = queue
        self._connect = connect
        self._lifetime = lifetime

        self._doing: OrderedDict[int, Ticket] = OrderedDict()
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
        """The free with a supervisor come first, then the free, then the busy."""
        return 2 * (not self.free) + (not self._connected)

    def wake(self, anyway: bool) -> bool:
        """Wake the worker if it sleeps, or `anyway`. Returns whether it was woken."""
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
        # The first is the one that runs; the supervisor answers for the others whether they had begun.
        for ident, ticket in list(self._doing.items())[1:]:
            if not ticket.recalled:
                ticket.recalled = True
                self._orders.append(ident)
        self.wake(True)

    def _main(self) -> None:
        tries = 0
        while not self._queue.closed:
            tickets = self._queue.take(self, FRAME)
            if not tickets:
                self._sleep()
                continue

            try:
                connection = self._connect()
            except Exception as fault:
                # An engine has many ways to fail, and this thread must go on.
                tries += 1
                self._queue.put_back(tickets)
                if tries >= OPEN_TRIES:
                    self._queue.give_up(str(fault) or type(fault).__name__)
                    tries = 0
                else:
                    time.sleep(0.2 * 2**tries)
                continue

            tries = 0
            self._serve(connection, tickets)

    def _sleep(self) -> None:
        self._asleep = True
        relief = self._queue.relieve(self)
        patience = 0.0 if self._queue.waiting() else STUCK_SECONDS if relief else 60.0
        with contextlib.suppress(OSError):
            select.select([self._ours], [], [], patience)
            self._ours.recv(4096)

    def _serve(self, connection: Connection, tickets: list[Ticket]) -> None:
        stream = Stream(connection)
        self._connected = True
        try:
            self._start(stream, tickets)
            self._drive(stream)
        except Exception as fault:
            # Whatever it is, this thread must go on, and its runs must be told.
            self._queue.restarted()
            lost = list(self._doing.values())
            self._doing.clear()

            connection.close()
            self._queue.retry(lost, f"the supervisor was lost ({fault})")
        finally:
            self._connected = False
            connection.close()

    def _drive(self, stream: Stream) -> None:
        """Feed and hear one supervisor until the queue closes or the supervisor's lifetime is over."""
        queue = self._queue
        spoke = time.monotonic()
        over, last = spoke + self._lifetime.seconds, self._next + self._lifetime.runs

        while not queue.closed:
            now = time.monotonic()
            if now > spoke + HEARTBEAT_SECONDS:
                spoke = now
                stream.send(cancel())

            old = self._next > last or now > over
            if old and not self._doing:
                return
            room = not old and self._has_room(now)
            if room:
                self._start(stream, queue.take(self, FRAME - len(self._doing)))
            self._take_back(stream)

            # Asleep before the last look at the queue: what is submitted after it rings the bell.
            self._asleep = room
            relief = not self._doing and queue.relieve(self)
            if room and not self._doing and queue.waiting():
                continue
            if stream.wait(self._ours, self._patience(relief)):
                self._hear(stream)
            with contextlib.suppress(BlockingIOError):
                self._ours.recv(4096)

        for ticket in self._doing.values():
            ticket.batch.future.cancel()
        self._doing.clear()

    def _has_room(self, now: float) -> bool:
        """Whether the supervisor may be given more: not behind a run that is long, or was lost once."""
        # Half a frame is enough to keep it busy until the next look.
        alone = any(ticket.faults for ticket in self._doing.values())
        stuck = self.doing and now - self._since > STUCK_SECONDS
        full = len(self._doing) > FRAME // 2 or self._held() > HELD_BYTES
        return not (alone or stuck or full)

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

    def _start(self, stream: Stream, tickets: Sequence[Ticket]) -> None:
        """Send these runs, as many as the supervisor may hold; the others go back to the queue."""
        frames: list[bytes] = []
        for place, ticket in enumerate(tickets):
            if self._doing and self._held() > HELD_BYTES:
                self._queue.put_back(tickets[place:])
                break

            try:
                frame = self._queue.framed(self._next, ticket)
            except Exception as fault:
                # A job may be wrong in any way, and only it is refused for it.
                self._queue.settle(ticket, failed(ticket.run.job, "refused", str(fault)[:500]))
                continue

            if not self._doing:
                self._since = time.monotonic()
            ticket.size = len(frame)
            frames.append(frame)
            self._doing[self._next] = ticket
            self._next += 1

        if frames:
            stream.send(b"".join(frames))

    def _take_back(self, stream: Stream) -> None:
        """Tell the supervisor what is unwanted or has been recalled; it answers each with CANCELLED."""
        idents = [ident for ident in self._orders if ident in self._doing]
        self._orders.clear()
        for ident, ticket in self._doing.items():
            if ticket.unwanted and not ticket.recalled:
                ticket.recalled = True
                idents.append(ident)
        if idents:
            stream.send(b"".join(map(cancel, idents)))

    def _hear(self, stream: Stream) -> None:
        """Take the supervisor's replies, and settle the runs that they answer."""
        for ident, reply in stream.replies():
            if reply.fate == wire.HELLO:
                continue

            first = next(iter(self._doing), None) == ident
            ticket = self._doing.pop(ident, None)
            if ticket is None:
                raise ConnectionLost(f"a reply came to run {ident}, which was not asked")
            if first:
                self._since = time.monotonic()

            if reply.fate == wire.CANCELLED:
                ticket.recalled = False
                if not ticket.unwanted:
                    self._queue.put_back([ticket])
                continue

            outcome = verdict(ticket.run.job, reply)
            if reply.fate == wire.SERVER_LOST:
                # Killed twice, the second time with nothing beside this run, it died of what the run did.
                self._queue.retry([ticket], outcome.detail, lost="memory")
                raise ConnectionLost(outcome.detail)

            if outcome.status == "infra":
                self._queue.retry([ticket], outcome.detail, died=False)
            else:
                self._queue.settle(ticket, outcome)
