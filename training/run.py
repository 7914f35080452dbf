"""A training run from its settings to its folder; resumes to the same curve, ends cleanly on Ctrl-C.

`runs/NAME/` holds config.toml, metrics.jsonl, tensorboard/, transcripts/ and checkpoints/step-N/.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from ..agents.models.names import check_name
from ..agents.run_folder import free_folder, run_folder
from ..envs.errors import SparringError
from ..envs.registry import Game
from . import checkpoints
from .config import Config, played
from .settings import read
from .watch.records import Metrics

_STOPS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""The signals that ask a run to stop, and their handlers once it was asked."""


class RunError(SparringError, RuntimeError):
    """A run that cannot be started, or that had to stop."""


@dataclass(frozen=True)
class Trained:
    """How a run ended: its folder, its last step, the latest value of every metric, its alarms."""

    folder: Path
    step: int
    metrics: Metrics
    alarms: tuple[str, ...]
    interrupted: bool
    broken: bool = False
    """Whether an alarm ended it that asks to go back."""


def train(config: Config, *, quiet: bool = False) -> Trained:
    """Train from the start. Raises GameError, ModelError or RunError for what cannot be trained."""
    game = played(config)
    check_name(config.model)
    folder = _free(config)
    return _persist(replace(config, out=str(folder)), game, folder, None, quiet=quiet)


def resume(run: str | Path, *, steps: int | None = None, quiet: bool = False) -> Trained:
    """Go on from a run's last checkpoint, or from that of `RUN@N`; to `steps`, if given.

    Metrics after it are as if the run had never stopped. Raises CheckpointError for a checkpoint that
    is missing or corrupt.
    """
    name, at, number = str(run).partition("@")
    if at and number != "latest" and not number.isdecimal():
        raise RunError(f"{run!s}: expected RUN, RUN@STEP or RUN@latest")
    folder = run_folder(name)
    if not (folder / "config.toml").is_file():
        raise RunError(f"no run {name!r}: {folder} has no config.toml")

    config = read(folder / "config.toml")
    if steps is not None:
        config = replace(config, steps=steps)

    if not checkpoints.steps(folder / "checkpoints"):
        raise RunError(
            f"{name} was left before its first checkpoint; remove {folder} and train anew"
        )
    place = checkpoints.at(folder / "checkpoints", int(number) if number.isdecimal() else None)
    checkpoints.verify(place)
    if int(place.name[5:]) >= config.steps:
        raise RunError(f"{name} has trained all its {config.steps} steps; give more with --steps")
    return _persist(config, played(config), folder, place, quiet=quiet)


def _persist(
    config: Config, game: Game, folder: Path, place: Path | None, *, quiet: bool
) -> Trained:
    """Run; where an alarm asks for it, go back to the last checkpoint before it and on with other games."""
    while True:
        done = _run(config, game, folder, place, quiet=quiet)
        before = [at for at in checkpoints.steps(folder / "checkpoints") if at < done.step]
        if not (done.broken and before and config.rollbacks < config.watch.rollbacks):
            return done
        place = checkpoints.at(folder / "checkpoints", before[-1])
        checkpoints.verify(place)
        config = replace(config, rollbacks=config.rollbacks + 1)


def _free(config: Config) -> Path:
    """Where the run will lie. A folder that was asked for must be free; else the first free name."""
    folder = run_folder(config.out) if config.out else free_folder(config.recipe)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; choose another --out")
    if folder.exists() and any(folder.iterdir()):
        begun = checkpoints.steps(folder / "checkpoints")
        other = "resume it with --resume" if begun else "remove it"
        raise RunError(f"{folder} exists; {other}, or choose another --out")
    return folder


def _run(config: Config, game: Game, folder: Path, place: Path | None, *, quiet: bool) -> Trained:
    from .assembly import assembled
    from .watch.progress import Display

    display = Display(config.steps, quiet=quiet)
    with assembled(config, game, folder, place, display) as loop:
        display.say(_header(config, folder, loop.trainer.model))
        if config.rollbacks and place:
            back = f"rolled back to step {place.name[5:]} (number {config.rollbacks})"
            display.say(back, "yellow")

        with _interrupts(loop.interrupt, display.say), checkpoints.writing(folder / "checkpoints"):
            loop.trainer.train(resume_from_checkpoint=str(place) if place else None)

        step = loop.trainer.state.global_step
        if not loop.broken:
            display.say(_farewell(folder, step, config, loop.interrupted))
        alarms = tuple(alarm.text for alarm in loop.alarms)
        return Trained(folder, step, loop.last, alarms, loop.interrupted, loop.broken)


def _header(config: Config, folder: Path, model: Any) -> str:
    size = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    share = "" if trained == size else f", {trained / 1e6:,.2f} M trained"
    return (
        f"{folder} · {config.recipe} on {config.game} · {config.model} ({size / 1e6:,.2f} M{share}) · "
        f"{config.steps} steps of {config.rollout.games} games · seed {config.seed}"
    )


def _farewell(folder: Path, step: int, config: Config, interrupted: bool) -> str:
    if interrupted:
        return f"stopped at step {step}, saved; go on with: sparring train --resume {folder}"
    return f"done: step {step} of {config.steps} in {folder}"


@contextlib.contextmanager
def _interrupts(stop: Callable[[], None], say: Callable[[str], None]) -> Generator[None]:
    """The first Ctrl-C or `kill` ends the run after its present step, saved; the second at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        # The default handlers, not those of `before`: a job begun with & ignores Ctrl-C.
        for each, at_once in _STOPS.items():
            signal.signal(each, at_once)
        stop()
        say("stopping after this step, with a checkpoint; Ctrl-C again stops at once")

    before = {each: signal.signal(each, first) for each in _STOPS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
