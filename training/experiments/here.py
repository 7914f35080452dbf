"""The runs of an experiment on this machine: a process each, several at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from .process import Process, Took, note, stop
from .runs import Run

_PAUSE: Final = 0.1


def here(waiting: Sequence[Run], out: Path, jobs: int, lock: int) -> Generator[tuple[Run, Took]]:
    """Train the runs, `jobs` at once; yields each that ended, with what it took.

    Closed early, and on Ctrl-C, the runs at work finish their step and save.
    """
    left, live = deque(waiting), list[Process]()
    try:
        while left or live:
            while left and len(live) < jobs:
                live.append(Process(left.popleft(), lock=lock))
            time.sleep(_PAUSE)
            for process in [each for each in live if each.over()]:
                live.remove(process)
                note(process.run, process.took, out)
                yield process.run, process.took
    finally:
        for process in stop(live, _PAUSE):
            note(process.run, process.took, out)
