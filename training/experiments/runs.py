"""The runs of an experiment: a process each, several at once, each gone on with where it stopped.

`OUT/ARM-SEED/` is a run's folder, of the usual kind; `OUT/logs/` holds what each said, `OUT/spent.jsonl` how
long each process took and how it ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final

from ...agents.run_folder import RunFolder
from .. import checkpoints
from ..config import Config
from ..phases import length
from ..settings import read as read_settings
from ..settings import to_toml
from .design import Design
from .expectations import ExperimentError

SPENT: Final = "spent.jsonl"
LOCK: Final = "lock"
_PAUSE: Final = 0.1


@dataclass(frozen=True)
class Run:
    """One arm with one seed: its settings, and the experiment's folder, in which it lies."""

    arm: str
    seed: int
    config: Config
    out: Path

    @property
    def name(self) -> str:
        return f"{self.arm}-{self.seed}"

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.out / self.name)

    @property
    def settings(self) -> Path:
        """The settings that it is started with."""
        return self.out / "settings" / f"{self.name}.toml"

    @property
    def log(self) -> Path:
        """What its processes said."""
        return self.out / "logs" / f"{self.name}.log"

    def done(self, ended: Mapping[str, Spent]) -> bool:
        """Whether it came to its end, by its last checkpoint or by an alarm that stops."""
        if self.name in ended and ended[self.name].done:
            return True
        steps = self.folder.steps
        if not steps:
            return False
        if steps[-1] >= length(self.config):
            return True
        tokens = self.config.tokens
        return bool(tokens) and checkpoints.tokens(self.folder.checkpoint(steps[-1])) >= tokens


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run's processes took together, in seconds, and whether the last came to the run's end."""

    seconds: float = 0.0
    cores: float = 0.0
    done: bool = False


def runs(design: Design, out: Path) -> list[Run]:
    """Every arm with every seed, arm by arm."""
    return [
        Run(arm, seed, replace(config, seed=seed, out=str(out / f"{arm}-{seed}")), out)
        for arm, config in design.arms.items()
        for seed in design.seeds
    ]


def check(found: Sequence[Run]) -> None:
    """Raises ExperimentError for a folder that holds a run under other settings than the file's."""
    for run in found:
        path = run.folder.config
        if path.is_file() and replace(read_settings(path), out=run.config.out) != run.config:
            raise ExperimentError(
                f"{run.folder.path} was run under other settings than the file has now; remove it to run it "
                "anew, or choose another --out"
            )
        if not path.is_file() and run.folder.path.exists() and any(run.folder.path.iterdir()):
            raise ExperimentError(f"{run.folder.path} exists and is no run; choose another --out")


def spent(out: Path) -> dict[str, Spent]:
    """What every run took so far, by its name."""
    found: dict[str, Spent] = {}
    path = out / SPENT
    for line in path.read_text().splitlines() if path.is_file() else []:
        # a line that was cut when the machine stopped says nothing
        with contextlib.suppress(ValueError):
            data = json.loads(line)
            before = found.get(data["run"], Spent())
            found[data["run"]] = Spent(
                before.seconds + data["seconds"], before.cores + data["cores"], data["code"] == 0
            )
    return found


@contextlib.contextmanager
def alone(out: Path) -> Generator[int]:
    """Hold the folder's lock, which every run that is started holds too; yields its descriptor.

    Raises ExperimentError where another experiment, or a run that it left behind, still works in the folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise ExperimentError(
                f"another process still works in {out}; wait until it ends"
            ) from fault
        yield file.fileno()


def carry_out(
    waiting: Sequence[Run],
    out: Path,
    jobs: int,
    lock: int,
    *,
    say: Callable[[str], None],
    ended: Callable[[Run], None],
) -> None:
    """Train the runs, `jobs` at once, and call `ended` after each that came to its end.

    On Ctrl-C, `kill` or an error of `ended` the runs at work finish their step and save. Raises
    ExperimentError, when the others have ended, for a run that failed.
    """
    left, live, failed = deque(waiting), list[_Process](), list[Run]()
    with _stoppable():
        try:
            while left or live:
                while left and len(live) < jobs:
                    live.append(_Process(left.popleft(), lock))
                time.sleep(_PAUSE)
                for process in [each for each in live if each.over()]:
                    live.remove(process)
                    process.note(out)
                    run = process.run
                    if process.code:
                        failed.append(run)
                        say(f"{run.name} failed: {_last_line(run.log)}")
                    else:
                        ended(run)
        finally:
            _stop(live, out)
    if failed:
        names = ", ".join(run.name for run in failed)
        raise ExperimentError(f"{names} failed; what was said is in {failed[0].log}")


class _Process:
    """A process that trains one run, in a session of its own: Ctrl-C reaches it through us alone."""

    def __init__(self, run: Run, lock: int) -> None:
        self.run = run
        self.code: int | None = None
        self.cores = 0.0
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
            pass_fds=(lock,),
            env=environment,
        )

    def over(self) -> bool:
        """Whether it has ended. `wait4` alone says what one child has used."""
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid:
            self.code = self._process.returncode = os.waitstatus_to_exitcode(status)
            self.cores = usage.ru_utime + usage.ru_stime
        return bool(pid)

    def note(self, out: Path) -> None:
        """Add what it took to the experiment's list."""
        self._log.close()
        data = {
            "run": self.run.name,
            "seconds": round(time.monotonic() - self._began, 2),
            "cores": round(self.cores, 2),
            "code": self.code,
        }
        with checkpoints.writing(out / SPENT), (out / SPENT).open("a") as file:
            file.write(json.dumps(data) + "\n")

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, number)


def _stop(live: list[_Process], out: Path) -> None:
    """Let processes end after their step, saved; a second Ctrl-C ends them at once."""
    for process in live:
        process.signal(signal.SIGTERM)
    while live:
        try:
            time.sleep(_PAUSE)
        except KeyboardInterrupt:
            for process in live:
                process.signal(signal.SIGKILL)
        for process in [each for each in live if each.over()]:
            live.remove(process)
            process.note(out)


@contextlib.contextmanager
def _stoppable() -> Generator[None]:
    """`kill` ends the experiment as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")
