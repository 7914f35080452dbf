"""The runs of an experiment on a Ray cluster: a process each, on whichever node has a core to spare.

All nodes see the experiment's folder. A run whose node dies goes on from its last checkpoint on another.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .expectations import ExperimentError
from .process import Process, Took, note
from .runs import Run

if TYPE_CHECKING:
    from ...arenas.executors.ray_crew import Crew

STOP: Final = "stop"
"""While this file lies in the experiment's folder, runs end after their step."""
_PAUSE: Final = 0.2


def on_cluster(
    waiting: Sequence[Run], out: Path, jobs: int | None, say: Callable[[str], None]
) -> Generator[tuple[Run, Took]]:
    """As `here`, on the cluster at $RAY_ADDRESS; `jobs` None: one for each of its cores.

    Raises ExperimentError where Ray is missing, ClusterError where there is no cluster, and RunError where
    workers keep dying.
    """
    (out / STOP).unlink(missing_ok=True)
    with _crew(jobs) as crew:
        for number, run in enumerate(waiting):
            crew.order(number, pickle.dumps(run), 1)
        left, told = len(waiting), 0

        def ended() -> tuple[Run, Took]:
            nonlocal left
            number, _, took = crew.next()
            left -= 1
            # one that was to begin when all were to stop took nothing
            if took.seconds:
                note(waiting[number], took, out)
            return waiting[number], took

        try:
            while left:
                each = ended()
                if crew.deaths > told:
                    told = crew.deaths
                    say(f"a worker died ({told} so far); its run went on elsewhere")
                yield each
        except (KeyboardInterrupt, GeneratorExit):
            (out / STOP).touch()
            while left:
                ended()
            raise
        finally:
            (out / STOP).unlink(missing_ok=True)


@contextmanager
def _crew(jobs: int | None) -> Generator[Crew]:
    try:
        # Ray is an extra: only a cluster needs it.
        from ...arenas.executors.ray_crew import Crew
    except ImportError as fault:
        raise ExperimentError(
            f"--executor ray needs Ray ({fault}); pip install 'sparring[ray]'"
        ) from fault
    with Crew(partial(training, os.getcwd()), workers=jobs) as crew:
        yield crew


def training(here: str) -> Callable[[bytes, int], Took]:
    """What trains a run in the process that calls, a worker's; `here` is where relative paths begin."""
    os.chdir(here)
    return _train


def _train(words: bytes, _: int) -> Took:
    run: Run = pickle.loads(words)
    asked = run.out / STOP
    if asked.exists():
        return Took(0.0, 0.0, 0)

    # The process goes with its worker, and that with its node: two must never train one run.
    process, told = Process(run), False
    while not process.over():
        time.sleep(_PAUSE)
        if not told and asked.exists():
            process.signal(signal.SIGTERM)
            told = True
    return process.took
