"""The socket to a supervisor: its greeting, then bytes in both directions, without blocking."""

from __future__ import annotations

import select
import socket
import time
from typing import Final, Protocol

from ..runner.wire import CHUNK_BYTES, HELLO, PROTOCOL, REPLY
from ..verifier import VerifierError

START_SECONDS: Final = 20.0
"""For a supervisor to start and greet."""


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


class SocketConnection:
    """What connections over a socket share: an executor adds how its supervisor starts and ends."""

    _socket: socket.socket | None = None

    @property
    def _stream(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionLost("the connection is closed")
        return self._socket

    def fileno(self) -> int:
        return self._stream.fileno()

    def send(self, data: memoryview) -> int:
        return self._stream.send(data)

    def receive(self) -> bytes:
        try:
            data = self._stream.recv(CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionLost("the supervisor left")
        return self._unframed(data)

    def _unframed(self, data: bytes) -> bytes:
        """What the supervisor wrote, of what has arrived."""
        return data

    def _greeting(self) -> str:
        """The strength that the supervisor names at its start.

        Raises VerifierError when it says nothing in time or another protocol, ConnectionLost or OSError
        when it ends.
        """
        came, until = b"", time.monotonic() + START_SECONDS
        while (strength := _hello(came)) is None:
            wait = until - time.monotonic()
            if wait <= 0 or not select.select([self._stream], [], [], wait)[0]:
                raise VerifierError("the supervisor did not start in time")
            came += self.receive()
        return strength


def _hello(came: bytes) -> str | None:
    """The strength in a supervisor's first reply; None while incomplete. Raises VerifierError."""
    if len(came) < REPLY.size:
        return None

    _, fate, protocol, *_, length, _, _ = REPLY.unpack_from(came)
    if fate != HELLO or protocol != PROTOCOL:
        raise VerifierError(
            f"a runner of protocol {PROTOCOL} was expected, {protocol} came: build the image again"
        )

    body = came[REPLY.size :]
    return body[:length].decode() if len(body) >= length else None
