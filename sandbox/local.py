"""The runner on the host itself: no engine, no root, no user namespace.

Covers what Landlock, seccomp and resource limits cover: files (read-only standard library and shared
libraries, nothing written), network, other processes, memory, time, output. Does not cover: what the
container adds (a file system and a process tree of its own, one memory account for all); names and sizes of
files on the host can be learned. It starts only at the strength asked for, or not at all.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from . import runner
from .cache import Cache
from .pool.pool import Pool
from .pool.stream import ConnectionLost
from .pool.verifier import Pooled
from .verifier import VerifierError

FLOOR: Final = "landlock+seccomp"
START_SECONDS: Final = 20.0


def interpreter() -> str:
    """The real interpreter, outside any virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def hello(chunks: bytes) -> str | None:
    """The strength that a supervisor's first reply names; None while incomplete. Raises VerifierError."""
    if len(chunks) < runner.REPLY.size:
        return None
    _, fate, protocol, *_, length, _, _ = runner.REPLY.unpack_from(chunks)
    if fate != runner.HELLO or protocol != runner.PROTOCOL:
        raise VerifierError(
            f"a runner of protocol {runner.PROTOCOL} was expected, {protocol} came: build the image again"
        )
    body = chunks[runner.REPLY.size :]
    return body[:length].decode() if len(body) >= length else None


class LocalConnection:
    """A supervisor process and the socket to it."""

    def __init__(self, floor: str) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        command = [
            interpreter(),
            "-S",
            "-s",
            "-P",
            str(Path(runner.__file__).resolve()),
            "supervise",
            floor,
        ]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env={},
                start_new_session=True,
                cwd="/",
            )
        try:
            self.strength = self._greeting()
        except BaseException:
            self.close()
            raise
        self._socket.setblocking(False)

    def _greeting(self) -> str:
        came = b""
        while (strength := hello(came)) is None:
            if not select.select([self._socket], [], [], START_SECONDS)[0]:
                raise VerifierError("the local supervisor did not start in time")
            chunk = self._socket.recv(4096)
            if not chunk:
                said = self._process.communicate(timeout=5)[1].decode("utf-8", "replace").strip()
                raise VerifierError(
                    f"the local verifier cannot start: {said}; see `sparring sandbox doctor`"
                )
            came += chunk
        return strength

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        return self._process.pid

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, data: memoryview) -> int:
        return self._socket.send(data)

    def receive(self) -> bytes:
        try:
            data = self._socket.recv(runner.CHUNK_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionLost("the supervisor left")
        return data

    def close(self) -> None:
        self._socket.close()
        try:
            self._process.wait(timeout=2)  # it leaves when its client does
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()


def local_verifier(size: int | None = None, floor: str = FLOOR) -> Pooled:
    """The local verifier with `size` supervisors (default: one per core).

    `floor` names the least that must be there: `landlock+seccomp`, `seccomp`, or `rlimits` for code that
    you trust. Raises VerifierError where this machine has less.
    """
    first = LocalConnection(floor)
    name = f"local({first.strength})"
    pool = Pool(lambda: LocalConnection(floor), size or os.cpu_count() or 1, first=first)
    return Pooled(name, pool, Cache(f"{name} {sys.version}"))
