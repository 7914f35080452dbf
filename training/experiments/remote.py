"""The runs of an experiment as jobs of a cluster, whose nodes see one folder."""

from __future__ import annotations

import contextlib
import resource
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...agents.run_folder import RunFolder
from ...arenas.executors.local import RunError
from ...envs.errors import SparringError
from ..phases import length
from ..run import resume, train
from ..settings import read
from .runs import Run, note, prepare

if TYPE_CHECKING:
    from ...arenas.executors.ray_jobs import Jobs


class OnCluster:
    """A run that is trained on some node; begun again on another when that node dies."""

    def __init__(self, run: Run, jobs: Jobs) -> None:
        self.run = run
        self.code: int | None = None
        self.cores = 0.0
        self._began = time.monotonic()
        run.log.parent.mkdir(parents=True, exist_ok=True)
        prepare(run)
        # A node may work in another folder.
        places = (path.absolute() for path in (run.folder.path, run.settings, run.log))
        self._job = jobs.begin(trained, *map(str, places))

    def over(self) -> bool:
        """Whether it has ended."""
        if not self._job.over():
            return False
        try:
            # What was cancelled was saved, as after Ctrl-C.
            self.code, self.cores = self._job.result() or (130, 0.0)
        except RunError as fault:
            self.code = 1
            with self.run.log.open("a") as log:
                log.write(f"{fault}\n")
        return True

    def note(self, out: Path) -> None:
        """Add what it took to the experiment's list."""
        note(out, self.run, time.monotonic() - self._began, self.cores, self.code)

    def signal(self, number: int) -> None:
        self._job.cancel(at_once=number == signal.SIGKILL)


def trained(folder: str, settings: str, log: str) -> tuple[int, float]:
    """Train a run, or go on with it, in this process: its exit code and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    with (
        Path(log).open("a") as said,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        code = _code(Path(folder), Path(settings))
    after = resource.getrusage(resource.RUSAGE_SELF)
    return code, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _code(folder: Path, settings: Path) -> int:
    """As `sparring train` ends."""
    try:
        config, steps = read(settings), RunFolder(folder).steps
        # The node may have died after the last step, before it could say so.
        if steps and steps[-1] >= length(config):
            return 0
        if steps:
            return 130 if resume(folder).interrupted else 0
        # Left before its first checkpoint: what it played is played again.
        shutil.rmtree(folder, ignore_errors=True)
        return 130 if train(replace(config, out=str(folder))).interrupted else 0
    except (SparringError, OSError) as fault:
        print(f"sparring: {fault}")
        return 2
