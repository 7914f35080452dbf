"""Frames to a supervisor and its replies, without blocking."""

from __future__ import annotations

import marshal
import select
import socket
from typing import Final

from ..runner.wire import REPLY
from ..verdicts import Reply
from .connection import Connection, ConnectionLost

REPLY_BYTES: Final = 64 << 20


def cancel(*ident: int) -> bytes:
    """The frame that takes a run back, by its number; without one it only says that the client is there."""
    body = marshal.dumps(ident)
    return len(body).to_bytes(4, "little") + body


class Stream:
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

    def replies(self) -> list[tuple[int, Reply]]:
        """The whole replies that have arrived."""
        self._incoming += self._connection.receive()
        found: list[tuple[int, Reply]] = []
        start, head = 0, REPLY.size

        while len(self._incoming) - start >= head:
            ident, fate, status, wall, user, system, _, *sizes = REPLY.unpack_from(
                self._incoming, start
            )
            # The supervisor bounds what it sends; one that does not is no supervisor any more.
            if sum(sizes) > REPLY_BYTES:
                raise ConnectionLost("a reply is too large")
            if len(self._incoming) - start - head < sum(sizes):
                break

            start += head
            parts: list[bytes] = []
            for size in sizes:
                parts.append(bytes(self._incoming[start : start + size]))
                start += size
            found.append((ident, Reply(fate, status, wall, user + system, *parts)))

        del self._incoming[:start]
        return found
