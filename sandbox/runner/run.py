"""One child from its pipes to the reply, as the supervisor sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from .wire import (
    CANCELLED,
    CHUNK_BYTES,
    DEADLINE,
    END,
    ENDED,
    FAILED,
    OUTPUT,
    RECORD,
    REPLY,
    START_SECONDS,
    THREADS,
    THREADS_AT_ONCE,
)


class Run:
    """One child from its pipes to its reply."""

    def __init__(self, ident: int, seconds: float, output_bytes: int, record_bytes: int) -> None:
        self.ident = ident
        self.fate = ENDED
        self.handle = self.pid = -1
        self.end: bytes | None = None
        self.seconds = seconds
        self.deadline = time.monotonic() + START_SECONDS

        self.rooms = {"out": output_bytes, "record": record_bytes}
        self.readers: dict[int, tuple[str, bytearray]] = {}
        self.request = memoryview(b"")
        self.writer = -1
        self.caught = [bytearray(), bytearray(), bytearray()]  # stdout, stderr, record

    def pipes(self, request: bytes) -> list[int]:
        """Open the four pipes, write what fits of the request, and return the child's ends."""
        # Written before the child is there: most requests fit into the pipe, and need no second look.
        child_end, self.writer = os.pipe()
        os.set_blocking(self.writer, False)
        self.request = memoryview(request)
        self.feed()

        ends = [child_end]
        for room, caught in zip(("out", "out", "record"), self.caught, strict=True):
            ours, theirs = os.pipe()
            os.set_blocking(ours, False)
            self.readers[ours] = (room, caught)
            ends.append(theirs)
        return ends

    def feed(self) -> None:
        """Write as much of the request as the pipe takes; close it after the last byte."""
        try:
            while self.request:
                self.request = self.request[os.write(self.writer, self.request) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass  # the child needs no more
        os.close(self.writer)
        self.writer = -1

    def read(self, descriptor: int) -> bool:
        """Take what is there, up to the room left. False at the end of the stream."""
        room, caught = self.readers[descriptor]
        try:
            while True:
                data = os.read(descriptor, CHUNK_BYTES)
                if not data:
                    return False

                caught += data[: self.rooms[room]]
                self.rooms[room] -= len(data)
                if self.rooms[room] < 0:
                    self.rooms[room] = 0
                    self.kill(OUTPUT if room == "out" else RECORD)
                    return False
        except BlockingIOError:
            return True

    def kill(self, fate: int) -> None:
        """Kill the child; the first reason stands."""
        if self.fate == ENDED:
            self.fate = fate

        # By a descriptor of the process: its id may be another's by now.
        if self.handle >= 0:
            with contextlib.suppress(ProcessLookupError):  # already dead
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def count(self) -> None:
        """Kill a child of too many threads: their stacks may be one, so its address space is no bound."""
        with contextlib.suppress(OSError):  # hidden from us, or just ended
            if os.stat(f"/proc/{self.pid}/task").st_nlink - 2 > THREADS_AT_ONCE:
                self.kill(THREADS)

    def close(self) -> None:
        """Close every descriptor, after a last look into the pipes if the child ended."""
        for descriptor in self.readers:
            if self.end is not None:
                self.read(descriptor)
            os.close(descriptor)
        for descriptor in (self.writer, self.handle):
            if descriptor >= 0:
                os.close(descriptor)

    def reply(self) -> bytes:
        """What the client is told; the kernel's word on the end comes before all else."""
        nothing = 0, 0.0, 0.0, 0.0, 0, False
        status, wall, user, system, peak, locked = END.unpack(self.end) if self.end else nothing
        # Without the mark nothing of the program's was run: the fault is ours.
        fate = self.fate if locked or self.fate == CANCELLED else FAILED
        if fate == ENDED and wall > self.seconds:
            fate = DEADLINE  # over before it could be killed for it

        lengths = [len(caught) for caught in self.caught]
        head = REPLY.pack(self.ident, fate, status, wall, user, system, peak, *lengths)
        return b"".join([head, *self.caught])
