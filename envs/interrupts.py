"""Ctrl-C where Python only reports it: in a callback of the importer or of the garbage collector."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_SOON_SECONDS: Final = 0.02


def heard() -> None:
    """Have an interrupt that such a callback swallows come again, where the program can catch it.

    Without it the program prints a stack trace and goes on as if nobody had pressed a key.
    """
    sys.unraisablehook = _told


def _told(lost: UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return

    # not at once: raised in here it would be lost again; and by the system, so that it ends a wait too
    again = threading.Timer(_SOON_SECONDS, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True
    again.start()
