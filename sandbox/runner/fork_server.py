"""Forks a locked child for every message of the supervisor, and says how it ended. Owns no data."""

from __future__ import annotations

import _socket
import gc
import os
import select
import signal
import sys
import time
from typing import Final, NoReturn

from . import customs
from .child import MARK, run_child
from .framing import drained, receive, send
from .locks import PR_SET_PDEATHSIG, Locks, OomScore, harden, prctl
from .wire import END, FORKED, LOCKED, QUIET_SECONDS

_SOCKET: Final = 99
"""The socket to the supervisor, out of the way of the descriptors of a child, which closes it."""

_SCORE: Final = 102
"""Its own entry in /proc; a child closes it too."""


def serve(strength: str) -> NoReturn:
    """Fork a locked child for every message on descriptor 3, and say how it ended."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    score = OomScore(_SCORE)
    harden()
    os.chdir("/")

    sock = _socket.socket(fileno=os.dup2(3, _SOCKET, inheritable=False))
    os.close(3)
    marked, mark = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    os.dup2(mark, MARK, inheritable=False)
    os.close(mark)

    locks = Locks(strength)
    server = os.getpid()
    _settle()
    while True:
        message, descriptors = receive(sock)
        if not message:
            os._exit(0)

        try:
            child = score.fork()
        except OSError:
            child = -1
        if child == 0:
            run_child(descriptors, message, locks, server)

        for descriptor in descriptors:
            os.close(descriptor)
        if child < 0:
            sock.send(b"failed")
        else:
            _attend(child, sock, marked)


def _settle() -> None:
    """Make this process what every child begins as."""
    sys.argv = ["snippet.py"]
    customs.install()
    for name in [name for name in sys.modules if name.split(".")[0] in ("__main__", "runner")]:
        del sys.modules[name]

    # The first compile of a process makes the types of the syntax tree: 2.5 ms that every child would pay.
    exec(compile("def f(x): return x\nf(1)", "<snippet>", "exec", dont_inherit=True), {})

    # A collection in a child would touch, and so copy, every page.
    gc.collect()
    gc.disable()
    gc.freeze()


def _attend(child: int, sock: _socket.socket, marked: int) -> None:
    """Wait for a child's end and say how it was; of one that takes long, first say that it is there."""
    began = time.monotonic()
    handle = os.pidfd_open(child)
    over = select.poll()
    over.register(handle, select.POLLIN)
    if not over.poll(QUIET_SECONDS * 1000):
        send(sock, FORKED.pack(child), [handle])
    os.close(handle)

    _, status, usage = os.wait4(child, 0)
    times = time.monotonic() - began, usage.ru_utime, usage.ru_stime
    sock.send(END.pack(status, *times, usage.ru_maxrss, drained(marked) == LOCKED))
