"""Owns bytes, deadlines and the fork servers; runs one child at a time and talks with the client."""

from __future__ import annotations

import _socket
import collections
import marshal
import os
import select
import sys
import time
from typing import Any, Final, NoReturn

from .framing import receive, send, write_all
from .locks import harden, landlock_abi, seccomp_works
from .run import Run
from .wire import (
    CANCELLED,
    CHUNK_BYTES,
    DEADLINE,
    ENDED,
    FORKED,
    HELLO,
    PROTOCOL,
    QUIET_SECONDS,
    REPLY,
    RUN,
    SERVER_LOST,
    SILENCE_SECONDS,
    SLACK_BYTES,
)

COUNT_SECONDS: Final = 0.02
"""Between two looks at how many threads a child has."""


class _Gone(Exception):
    """The client closed its end."""


class _ServerLost(Exception):
    """The fork server died while it ran a child."""


class Supervisor:
    """Reads frames from descriptor 0, runs one child at a time, writes replies to descriptor 1."""

    def __init__(self, strength: str, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._program = os.path.abspath(sys.argv[0])
        self._strength = strength
        self._contained = "container" in strength
        self._silence = silence_seconds
        self._heard = time.monotonic()

        self._servers: dict[int, _socket.socket] = {}
        self._queue: collections.deque[tuple[Any, ...]] = collections.deque()
        self._inbox = bytearray()
        self._outbox: list[bytes] = []

    def main(self) -> NoReturn:
        """Serve until the client closes its end."""
        self._server(0)  # the one that is needed first, as a rule
        hello = REPLY.pack(0, HELLO, PROTOCOL, 0, 0, 0, 0, len(self._strength), 0, 0)
        self._say(hello + self._strength.encode())

        try:
            while True:
                if self._queue:
                    frame = self._queue.popleft()
                    try:
                        self._say(self._run(*frame))
                    except _ServerLost:
                        # Say of what run, and leave: the client replaces us whole.
                        self._say(REPLY.pack(frame[0], SERVER_LOST, 0, 0, 0, 0, 0, 0, 0, 0))
                        self._flush()
                        os._exit(70)
                    continue

                self._flush()
                if not select.select([0], [], [], self._silence)[0]:
                    raise _Gone
                self._listen(None)
        except (_Gone, BrokenPipeError):
            os._exit(0)  # the kernel kills the servers, and with them the child

    def _say(self, reply: bytes) -> None:
        self._outbox.append(reply)

    def _flush(self) -> None:
        if self._outbox:
            write_all(1, b"".join(self._outbox))
            self._outbox.clear()

    def _listen(self, current: Run | None) -> None:
        """Take frames from the client."""
        data = os.read(0, CHUNK_BYTES)
        if not data:
            raise _Gone
        self._heard = time.monotonic()

        # Frames as the client cuts them: a length of four bytes, then marshal data.
        self._inbox += data
        start = 0
        while len(self._inbox) - start >= 4:
            end = start + 4 + int.from_bytes(self._inbox[start : start + 4], "little")
            if len(self._inbox) < end:
                break

            frame = marshal.loads(self._inbox[start + 4 : end])
            start = end
            if len(frame) > 1:
                self._queue.append(frame)
            elif frame:
                self._cancel(frame[0], current)  # an empty frame only says that the client is there

        del self._inbox[:start]

    def _cancel(self, ident: int, current: Run | None) -> None:
        """Kill the run of this number, or take it out of the queue."""
        if current is not None and current.ident == ident:
            current.kill(CANCELLED)
        for waiting in self._queue:
            if waiting[0] == ident:
                self._queue.remove(waiting)
                self._say(REPLY.pack(ident, CANCELLED, 0, 0, 0, 0, 0, 0, 0, 0))
                return

    def _server(self, index: int) -> _socket.socket:
        """The fork server of this number, started at its first use: 0 and 1 are bare, 2 and 3 rich.

        Strings hash by one seed in those that are even, and by another in the others.
        """
        if index not in self._servers:
            ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
            # Pipes, as a child has: Python asks once whether a stream can seek.
            end, start = os.pipe()
            actions = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
            actions += [(os.POSIX_SPAWN_DUP2, end, 0)]
            actions += [(os.POSIX_SPAWN_DUP2, start, number) for number in (1, 2)]

            command = [sys.executable, "-S", "-s", "-P", self._program, "serve", self._strength]
            command.append("rich" if index >= 2 else "bare")
            os.posix_spawn(sys.executable, command, _environment(index), file_actions=actions)

            os.close(end)
            os.close(start)
            theirs.close()
            self._servers[index] = ours
        return self._servers[index]

    def _run(
        self, ident: int, server: int, limits: tuple[Any, ...], request: bytes, stdin: bytes
    ) -> bytes:
        """One child, from its request to the reply."""
        seconds, cpu_seconds, megabytes, output_kilobytes, record_kilobytes = limits
        run = Run(ident, seconds, output_kilobytes * 1024, record_kilobytes * 1024 + SLACK_BYTES)

        # The child reads its request from its own pipe: neither server nor supervisor hands it on.
        sock = self._server(server)
        ends = run.pipes(len(request).to_bytes(4, "little") + request + stdin)
        try:
            send(sock, RUN.pack(megabytes, cpu_seconds, record_kilobytes), ends)
            for end in ends:
                os.close(end)
            self._watch(run, sock)
        finally:
            run.close()
        return run.reply()

    def _watch(self, run: Run, sock: _socket.socket) -> None:
        """Move bytes until the fork server says that the child ended."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(sock.fileno(), select.POLLIN)
        if run.writer >= 0:
            poll.register(run.writer, select.POLLOUT)

        while run.end is None:
            for descriptor, _ in poll.poll(int(self._patience(run) * 1000) + 1):
                if descriptor == 0:
                    self._listen(run)
                    self._flush()  # answers to cancellations must not wait for this run
                elif descriptor == sock.fileno():
                    if not self._hear(run, sock):
                        return
                    if run.handle >= 0 and run.end is None:
                        # It takes long: what is done must not wait, and its pipes may fill up.
                        self._flush()
                        for reader in run.readers:
                            poll.register(reader, select.POLLIN)
                elif descriptor == run.writer:
                    run.feed()
                    if run.writer < 0:
                        poll.unregister(descriptor)
                elif not run.read(descriptor):
                    poll.unregister(descriptor)

    def _patience(self, run: Run) -> float:
        """How many seconds nothing need be done. Kills a child that is late or has too many threads."""
        now = time.monotonic()
        if now >= run.deadline:
            run.kill(DEADLINE)
        if now > self._heard + self._silence:
            raise _Gone
        wait = min(run.deadline - now if now < run.deadline else 1.0, self._silence)

        # In a container the process limit bounds the threads; on the host they are counted.
        if run.handle >= 0 and run.fate == ENDED and not self._contained:
            run.count()
            wait = min(wait, COUNT_SECONDS)
        return wait

    def _hear(self, run: Run, sock: _socket.socket) -> bool:
        """Take one message of the fork server. False when it could not fork."""
        message, descriptors = receive(sock)
        if not message:
            raise _ServerLost
        if message == b"failed":
            return False

        if descriptors:
            run.handle = descriptors[0]
            (run.pid,) = FORKED.unpack(message)
            run.deadline = time.monotonic() + run.seconds - QUIET_SECONDS
            if run.fate != ENDED:
                run.kill(run.fate)
        else:
            run.end = message
        return True


def _environment(index: int) -> dict[str, str]:
    """Of a fork server, and so of every child."""
    kept = {key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ}
    return {
        "PYTHONHASHSEED": str(index % 2 + 1),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MALLOC_ARENA_MAX": "1",  # an arena per thread would eat the address space
        "LC_ALL": "C.UTF-8",
        "HOME": "/",
        "PYTHONTZPATH": "",  # else zones are there on one machine and not on another
        **kept,
    }


def supervise(floor: str, silence_seconds: str = str(SILENCE_SECONDS)) -> NoReturn:
    """Start at the best strength this machine has, or leave with code 3 if it is below `floor`."""
    here = {"landlock": landlock_abi(), "seccomp": seccomp_works()}
    have = [name for name, works in here.items() if works]
    missing = [name for name in floor.split("+") if name not in (*have, "rlimits", "container")]
    if missing:
        sys.stderr.write(f"this machine has no {' and no '.join(missing)}\n")
        sys.exit(3)

    harden()
    strength = "+".join(["container"] * ("container" in floor) + have) or "rlimits"
    Supervisor(strength, float(silence_seconds)).main()
