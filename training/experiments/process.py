"""One run of an experiment as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from ...sandbox.runner.locks import PR_SET_PDEATHSIG, prctl
from .. import checkpoints
from ..settings import to_toml
from .runs import SPENT, Run


class Took(NamedTuple):
    """What a process took, in seconds by the clock and of cores, and the code that it ended with."""

    seconds: float
    cores: float
    code: int


class Process:
    """A process that trains one run, in a session of its own: Ctrl-C reaches it through us alone.

    It holds `lock`, so that nobody else works in the folder meanwhile, and dies with this process: a run
    that went on alone would be one that nobody counts the minutes of.
    """

    def __init__(self, run: Run, *, lock: int | None = None) -> None:
        self.run = run
        self.took = Took(0.0, 0.0, 0)
        self._began = time.monotonic()
        self._log = _opened(run.log)
        # a run on one core must not start a thread for every core
        environment = {"OMP_NUM_THREADS": "1", **os.environ} if run.config.threads == 1 else None
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sparring", "train", *_arguments(run)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            preexec_fn=_bind,
            env=environment,
        )

    def over(self) -> bool:
        """Whether it has ended, which `took` then tells of. `wait4` alone says what one child has used."""
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid:
            code = self._process.returncode = os.waitstatus_to_exitcode(status)
            cores = round(usage.ru_utime + usage.ru_stime, 2)
            self.took = Took(round(time.monotonic() - self._began, 2), cores, code)
            self._log.close()
        return bool(pid)

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)


def note(run: Run, took: Took, out: Path) -> None:
    """Add what a process took to the experiment's list."""
    data = {"run": run.name, **took._asdict()}
    with checkpoints.writing(out / SPENT), (out / SPENT).open("a") as file:
        file.write(json.dumps(data) + "\n")


def stop(live: list[Process], pause: float) -> Sequence[Process]:
    """Let processes end after their step, saved; a second Ctrl-C ends them at once."""
    ended: list[Process] = []
    for process in live:
        process.signal(signal.SIGTERM)
    while live:
        try:
            time.sleep(pause)
        except KeyboardInterrupt:
            for process in live:
                process.signal(signal.SIGKILL)
        for process in [each for each in live if each.over()]:
            live.remove(process)
            ended.append(process)
    return ended


def _bind() -> None:
    """Have the kernel end this process with its parent, however that ends."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _arguments(run: Run) -> list[str]:
    """Of `sparring train`: go on where the run has a checkpoint, else begin."""
    folder = run.folder
    if folder.steps:
        return ["--resume", str(folder.path)]
    # left before its first checkpoint: what it played is played again
    if folder.path.exists():
        shutil.rmtree(folder.path)
    run.settings.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.replace_text(run.settings, to_toml(run.config))
    return ["--config", str(run.settings), "--out", str(folder.path)]


def _opened(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")
