"""Forks a locked child for every message of the supervisor, and says how it ended. Owns no data."""

from __future__ import annotations

import _socket
import gc
import os
import select
import sys
import time

from . import customs
from .child import LAST, MARK, Tools, run_child
from .framing import drained, receive, send
from .locks import PR_SET_PDEATHSIG, Locks, OomScore, harden, prctl
from .system_calls import SIGKILL
from .wire import END, FORKED, LOCKED, QUIET_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn

_SOCKET: Final = 99
"""The socket to the supervisor, out of the way of the descriptors of a child, which closes it."""

_SCORE: Final = LAST
"""Its own entry in /proc; a child closes it too."""


_CLASS: Final = """
class A:
    def __init__(self, x): self.x = [x, {"a": 1.5}]
def f(x, y):
    total = sum(i * i for i in range(3) if i % 2)
    return sorted([total, *[len(str(j)) for j in range(2)]]), A(x).x[:1], y.join("bc").split(), f"{x:2}"
"""
_DATACLASS: Final = """
from dataclasses import dataclass
@dataclass
class A:
    x: int
    y: list[int] | None = None
def f(x, y): return A(x).x
"""
_WARM: Final = 16
"""By then the interpreter has adapted its code to what it meets, and a child need not write into it."""

_BARE: Final = ("warnings",)
"""Without it a warning of the compiler would be printed in another way."""

_RICH: Final = (
    *_BARE, "abc", "bisect", "collections", "collections.abc", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "heapq", "inspect", "itertools", "json", "math",
    "operator", "re", "string", "traceback", "types", "typing", "_random", "_sha512",
)  # fmt: skip
"""What programs import most. Not `random`: every child would begin with the same state, and what it needs
is enough. Nor what keeps a state of its own, such as `threading`."""


def serve(strength: str, rich: bool) -> NoReturn:
    """Fork a locked child for every message on descriptor 3, and say how it ended.

    A rich server has what programs import most, so that their children need not; to fork it takes longer.
    """
    prctl(PR_SET_PDEATHSIG, SIGKILL)
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
    tools = _settled(_RICH if rich else _BARE, _DATACLASS if rich else _CLASS)
    locks.share()
    while True:
        message, descriptors = receive(sock)
        if not message:
            os._exit(0)

        try:
            child = score.fork()
        except OSError:
            child = -1
        if child == 0:
            run_child(descriptors, message, locks, server, tools)

        # At once: what is written here while the child lives is copied.
        end = _attended(child, sock, marked) if child > 0 else b"failed"
        for descriptor in descriptors:
            os.close(descriptor)
        sock.send(end)


def _settled(modules: tuple[str, ...], program: str) -> Tools:
    """Make this process what every child begins as, with these modules; returns what a child is to use.

    `program` is one that uses what most programs do.
    """
    for name in modules:
        __import__(name)
    sys.argv = ["snippet.py"]
    customs.install()
    for name in [name for name in sys.modules if name.split(".")[0] in ("__main__", "runner")]:
        del sys.modules[name]

    for _ in range(_WARM):
        _run(program)
    tools = Tools()

    # A collection in a child would touch, and so copy, every page.
    gc.collect()
    gc.disable()
    gc.freeze()
    return tools


def _run(program: str) -> None:
    """What is done for the first time makes types and caches, which every child would make again.

    Those of the syntax tree alone take 2.5 ms. The child's own functions are left alone: the interpreter
    would adapt them, and programs could then recurse deeper by one.
    """
    space: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(program, "<snippet>", "exec", dont_inherit=True), space)
    space["f"](1, "a")


def _attended(child: int, sock: _socket.socket, marked: int) -> bytes:
    """Wait for a child's end; returns how it was. Of one that takes long, first say that it is there."""
    began = time.monotonic()
    handle = os.pidfd_open(child)
    over = select.poll()
    over.register(handle, select.POLLIN)
    if not over.poll(QUIET_SECONDS * 1000):
        send(sock, FORKED.pack(child), [handle])
    os.close(handle)

    _, status, usage = os.wait4(child, 0)
    times = time.monotonic() - began, usage.ru_utime, usage.ru_stime
    return END.pack(status, *times, usage.ru_maxrss, drained(marked) == LOCKED)
