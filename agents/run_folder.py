"""What a run's folder holds, and where runs lie: `runs/NAME/`, or any path. Imports nothing heavy."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..envs.errors import SparringError
from ..envs.registry import load

RUNS = Path("runs")
STORE, REPORT = "store.sqlite", "report.html"
STATE = "state"
"""The folder in a checkpoint of what is ours: the averages, and what games and alarms remember."""
_CHECKPOINTS, _STEP, _STOPPED = "checkpoints", "step-", "interrupted"


class RunFolderError(SparringError, ValueError):
    """A file of a run is damaged, or its folder cannot be one."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The places of a run's files; none of them need be there."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings that the run was started with, as TOML."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """One line of JSON a recorded step."""
        return self.path / "metrics.jsonl"

    @property
    def store(self) -> Path:
        """The games of its league, trials or tournament."""
        return self.path / STORE

    @property
    def report(self) -> Path:
        return self.path / REPORT

    @property
    def transcripts(self) -> Path:
        return self.path / "transcripts"

    @property
    def stock(self) -> Path:
        """The samples of its steps, a file each, where they are kept."""
        return self.path / "stock"

    @property
    def population(self) -> Path:
        """What each member of its population began each round from, one line of JSON each."""
        return self.path / "population.jsonl"

    def copy_of(self, path: str) -> Path:
        """Where the copy of a file of prompts lies that its settings name by this path, or would."""
        # phases may name several files, and some of one name
        digest = sha256(path.encode(errors="surrogateescape")).hexdigest()[:8]
        return self.path / "prompts" / f"{Path(path).stem[:40]}-{digest}.toml"

    def kept_prompts(self, path: str) -> Path:
        """The run's own copy of a file of prompts that its settings name; without one, the file itself."""
        copy = self.copy_of(path)
        return copy if copy.is_file() else Path(path)

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """The folder of the folders `step-N`."""
        return self.path / _CHECKPOINTS

    @property
    def steps(self) -> list[int]:
        """The steps of all checkpoints, ascending."""
        return steps(self.checkpoints)

    def checkpoint(self, step: int) -> Path:
        """Where the checkpoint of this step lies, or would."""
        return self.checkpoints / step_name(step)

    def settings(self) -> dict[str, Any]:
        """What `config.toml` says; empty where there is none. Raises RunFolderError where it is garbage."""
        try:
            return tomllib.loads(self.config.read_text(encoding="utf-8"))
        # before OSError, whose kinds these are: a folder without settings is no fault
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as fault:
            raise RunFolderError(f"{self.config} cannot be read: {fault.strerror}") from fault
        except ValueError as fault:
            raise RunFolderError(
                f"{self.config} is no TOML ({fault}); mend it, or remove it to go on without its settings"
            ) from fault

    @property
    def length(self) -> int | None:
        """The steps that its settings ask for; see `length`."""
        return length(self.settings())

    @property
    def games(self) -> frozenset[str]:
        """Ids of the games that it trains on; empty where its settings name none."""
        said = self.settings()
        menu = [entry.get("id") for entry in said.get("games", ()) if isinstance(entry, dict)]
        return frozenset(id for id in [*menu, said.get("game")] if isinstance(id, str) and id)

    def records(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, in order; empty where there is none.

        Reading ends at the first line that was not written whole.
        """
        found: list[dict[str, Any]] = []
        lines = self.metrics.read_text(encoding="utf-8") if self.metrics.is_file() else ""

        # a run that was killed may leave its last line cut; what follows it
        # would stand behind a gap
        for line in lines.splitlines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                break
            if isinstance(record, dict):
                found.append(record)

        return found

    def load_games(self) -> None:
        """Register the games of the files that the run was started with, where they still exist."""
        for file in self.settings().get("load", ()):
            if Path(file).is_file():
                load(file)


def length(settings: Mapping[str, Any]) -> int | None:
    """The steps that the settings of a run ask for, over all its phases; None where they name none."""

    def steps(said: Mapping[str, Any]) -> int:
        number = said.get("steps")
        return number if isinstance(number, int) and number > 0 else 0

    phases, rounds = settings.get("phases"), settings.get("rounds")
    if isinstance(phases, list) and phases:
        once = sum(steps(phase) for phase in phases if isinstance(phase, dict))
        return once * (rounds if isinstance(rounds, int) else 1) or None
    return steps(settings) or None


def step_name(step: int) -> str:
    """What the checkpoint of a step is called, as a folder and as an opponent."""
    return f"{_STEP}{step}"


def step_of(checkpoint: Path) -> int | None:
    """The step of a checkpoint's folder; None for a folder that is none."""
    # isdecimal, since int() alone also takes `1_0`, `+5` and ` 5`
    number = checkpoint.name.removeprefix(_STEP)
    return int(number) if checkpoint.name.startswith(_STEP) and number.isdecimal() else None


def steps(checkpoints: Path) -> list[int]:
    """The steps of all checkpoints in a folder, ascending."""
    found = [step_of(path) for path in checkpoints.glob(f"{_STEP}*") if path.is_dir()]
    return sorted(step for step in found if step is not None)


def stopped_at(checkpoint: Path) -> Path:
    """The file that marks a checkpoint which is there only because the run was interrupted at its step."""
    return checkpoint / STATE / _STOPPED


def scheduled(checkpoints: Path) -> list[int]:
    """The steps of the checkpoints that a run has which was never interrupted, ascending.

    What a run does next rests on these alone, so that it goes the same way whether it was interrupted or not.
    """
    return [at for at in steps(checkpoints) if not stopped_at(checkpoints / step_name(at)).exists()]


def run_of(checkpoint: Path) -> RunFolder | None:
    """The run that a checkpoint's folder belongs to; None for a folder anywhere else."""
    # both names have to fit: a model's own folder may be called step-5
    inside = step_of(checkpoint) is not None and checkpoint.parent.name == _CHECKPOINTS
    return RunFolder(checkpoint.parent.parent) if inside else None


def run_folder(name: str) -> Path:
    """The folder of a run: its path, or its name under `runs/`."""
    path = Path(name)
    return path if len(path.parts) > 1 or path.is_absolute() else RUNS / path


def named(out: str) -> str:
    """The name or path of a run to be made. Raises RunFolderError for one that no command could name."""
    parts = Path(out).parts
    if ".." in parts or parts in ((), ("/",)):
        raise RunFolderError(
            f"--out {out!r} is no name of a run; give a name, a folder below this one or an absolute path"
        )

    if odd := sorted(set(parts[-1]) & set("@=,:")):
        raise RunFolderError(
            f"--out {out!r}: the name of a run may not hold {' or '.join(odd)}, since RUN@STEP and SEAT=WHO "
            "would be read otherwise"
        )
    return out


def found_folder(name: str | Path) -> Path:
    """Where a run that is read lies: the path where there is one, else as `run_folder`."""
    path = Path(name)
    return path if path.exists() else run_folder(str(name))


def free_folder(name: str) -> Path:
    """The first of NAME, NAME-2, NAME-3 … under `runs/` that does not exist yet."""
    path, number = RUNS / name, 1
    while path.exists():
        number += 1
        path = RUNS / f"{name}-{number}"
    return path
