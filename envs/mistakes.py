"""An author's mistakes: where in a game it failed, by file and line, and loops that do not end."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CORE = Path(__file__).parent
"""Files directly in here are the library's; a game stands in another folder."""
ENDLESS_SECONDS = 20.0
"""CPU time after which a game that neither asks nor ends is taken to be in an endless loop."""
_FORGOTTEN = "; a script must `yield from ask(…)`, and so with every helper"


def author_line(fault: BaseException, script: Generator[Any, Any, Any] | None = None) -> str:
    """` (my_game.py:12)`: the last line of the author's on the way to the fault, and a hint at what is usual.

    A fault that the script did not raise itself happened where the script stands and waits.
    """
    # the last one: a game may call helpers of its own, and the fault is in them
    frames = traceback.extract_tb(fault.__traceback__)
    theirs = [frame for frame in frames if Path(frame.filename).parent != _CORE]
    last = f" ({Path(theirs[-1].filename).name}:{theirs[-1].lineno})" if theirs else ""
    # where `yield from` is forgotten, Python's own message speaks of a generator
    return (last or _waiting(script)) + (_FORGOTTEN if "generator" in str(fault) else "")


def _waiting(script: Generator[Any, Any, Any] | None) -> str:
    """The innermost line of the author's at which a suspended script waits."""
    # A script waits inside `ask`, which waits in no script of the author's: the innermost counts.
    where = ""
    while script is not None and getattr(script, "gi_frame", None) is not None:
        frame: Any = getattr(script, "gi_frame", None)
        file = Path(frame.f_code.co_filename)
        if file.parent != _CORE:
            where = f" ({file.name}:{frame.f_lineno})"
        script = getattr(script, "gi_yieldfrom", None)
    return where


@contextmanager
def ending_loops() -> Generator[None]:
    """Raises TimeoutError in code that computes for ENDLESS_SECONDS inside: an endless loop of a game.

    By a signal, so only in the main thread and where the system has one; elsewhere it does nothing.
    """
    known = hasattr(signal, "SIGVTALRM")
    if not known or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(
            f"no request and no end in {ENDLESS_SECONDS:g} seconds of computing: an endless loop?"
        )

    # CPU time, not the clock: a busy machine and a slow verifier are no endless loops
    before = signal.signal(signal.SIGVTALRM, stop)
    # after the handler is set: by default this signal kills the process
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS_SECONDS)
    try:
        yield
    finally:
        # the timer stops before the old handler is back, for the same reason
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def place_of(function: Callable[..., Any]) -> str:
    """`my_game.py:12`: where a function begins."""
    code: Any = getattr(function, "__code__", None)
    # a partial or an object with __call__ has no code of its own
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code else repr(function)
