"""The runs of an experiment: where each lies, and what is known of them.

`OUT/ARM-SEED/` is a run's folder, of the usual kind; `OUT/logs/` holds what each said, `OUT/spent.jsonl` how
long each process took and how it ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import signal
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from pathlib import Path
from types import FrameType
from typing import Any, Final

from ...agents.run_folder import RunFolder
from .. import checkpoints
from ..config import Config
from ..phases import length
from ..settings import read as read_settings
from .design import Design
from .expectations import ExperimentError

SPENT: Final = "spent.jsonl"
LOCK: Final = "lock"
SETTINGS: Final = "settings"
_MESSAGE: Final = 5
"""Lines of an error's message that are told."""


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
        return self.out / SETTINGS / f"{self.name}.toml"

    @property
    def log(self) -> Path:
        """What its processes said."""
        return self.out / "logs" / f"{self.name}.log"

    def done(self, ended: Mapping[str, Spent]) -> bool:
        """Whether it came to its end, by its last checkpoint or by an alarm that stops."""
        if not self.folder.config.is_file():
            return False  # its folder was removed, whatever is known of a run that was there
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
        if run.folder.path.is_file():
            raise ExperimentError(
                f"{run.folder.path} is a file in the place of a run; remove it, or choose another --out"
            )
        if path.is_file() and replace(read_settings(path), out=run.config.out) != run.config:
            raise ExperimentError(
                f"{run.folder.path} was run under other settings than the file has now; remove it to run it "
                "anew, or choose another --out"
            )
        if not path.is_file() and run.folder.path.exists() and any(run.folder.path.iterdir()):
            raise ExperimentError(f"{run.folder.path} exists and is no run; choose another --out")


def foreign(design: Design, out: Path) -> list[str]:
    """The runs in a folder, where all of them are of other arms than the file has: another experiment's."""
    names = [path.stem for path in sorted((out / SETTINGS).glob("*.toml"))]
    own = [name for name in names if name.rpartition("-")[0] in design.names]
    return [] if own else [name for name in names if (out / name).is_dir()]


def spent(out: Path) -> dict[str, Spent]:
    """What every run took so far, by its name."""
    found: dict[str, Spent] = {}
    path = out / SPENT
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines():
        # a line that was cut when the machine stopped, or that is none of ours, says nothing
        with contextlib.suppress(ValueError, TypeError, KeyError):
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


@contextlib.contextmanager
def stoppable() -> Generator[None]:
    """`kill` ends the experiment as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before: Any = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def last_said(path: Path) -> str:
    """The last line of a log; of an error that ends it, the whole message."""
    text = path.read_text(errors="replace") if path.is_file() else ""
    lines = [line for line in text.splitlines() if line.strip()] or ["it said nothing"]
    begun = [place for place, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    if begun:
        # frames are indented; a message that is longer is followed by what a later process said
        message = list(dropwhile(lambda line: line[0] == " ", lines[begun[-1] + 1 :]))
        if len(message) <= _MESSAGE:
            return " ".join(message) or lines[-1]
    return lines[-1]
