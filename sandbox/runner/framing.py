"""Bytes and descriptors through pipes and sockets: whole, or not at all."""

from __future__ import annotations

import _socket
import builtins
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__builtins__ = vars(builtins).copy()  # ours: what a program does to the module's does nothing to us


def read_exactly(descriptor: int, count: int) -> bytes:
    """`count` bytes from a pipe. Raises EOFError when it ends before."""
    chunks: list[bytes] = []
    while count:
        chunk = os.read(descriptor, count)
        if not chunk:
            raise EOFError("the request was cut off")
        chunks.append(chunk)
        count -= len(chunk)
    return b"".join(chunks)


def write_all(descriptor: int, data: bytes, write: Callable[..., int] = os.write) -> None:
    """All of `data`, however often it takes. `write` is bound before a program can change `os`."""
    view = memoryview(data)
    while view:
        view = view[write(descriptor, view) :]


def drained(pipe: int) -> bytes:
    """What lies in a pipe that does not block."""
    try:
        return os.read(pipe, 64)
    except BlockingIOError:
        return b""


def send(sock: _socket.socket, message: bytes, descriptors: list[int]) -> None:
    """One message with descriptors."""
    packed = struct.pack(f"<{len(descriptors)}i", *descriptors)
    sock.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])


def receive(sock: _socket.socket) -> tuple[bytes, list[int]]:
    """One message and the descriptors that came with it; nothing when the other end is closed."""
    message, ancillary, _, _ = sock.recvmsg(64, _socket.CMSG_SPACE(16))
    descriptors = [
        descriptor
        for level, kind, data in ancillary
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS
        for (descriptor,) in struct.iter_unpack("<i", data)
    ]
    return message, descriptors
