"""The runner on the host itself: no engine, no root, no user namespace.

Covers what Landlock, seccomp and resource limits cover: files (read-only standard library and shared
libraries, nothing written), network, other processes, memory, time, output. Does not cover: what the
container adds (a file system and a process tree of its own, one memory account for all); names and sizes of
files on the host can be learned. It starts only at the strength asked for, or not at all.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from . import runner
from .cache import Cache
from .pool.connection import ConnectionLost, SocketConnection
from .pool.pool import Pool
from .pool.verifier import Pooled
from .verifier import VerifierError

FLOOR: Final = "landlock+seccomp"
"""The least strength that `local` starts at, unless it is told another."""


def interpreter() -> str:
    """The real interpreter, outside any virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def command() -> list[str]:
    """What starts the runner, without its arguments: no site, no user's packages, no folder on the path."""
    program = Path(runner.__file__).resolve().with_name("__main__.py")
    return [interpreter(), "-S", "-s", "-P", str(program)]


class LocalConnection(SocketConnection):
    """A supervisor process and the socket to it."""

    def __init__(self, floor: str) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        # Nothing of ours goes along: no environment, no folder, no terminal.
        with theirs:
            self._process = subprocess.Popen(
                [*command(), "supervise", floor],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                env={},
                start_new_session=True,
                cwd="/",
            )

        try:
            self.strength = self._greeting()
        except ConnectionLost:
            said = self._process.communicate(timeout=5)[1].decode("utf-8", "replace").strip()
            self.close()
            raise VerifierError(
                f"the local verifier cannot start: {said}; see `sparring sandbox doctor`"
            ) from None
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        return self._process.pid

    def close(self) -> None:
        if self._socket is None:
            return
        self._socket.close()
        self._socket = None

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
