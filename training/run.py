"""A training run from its settings to its folder; resumes to the same curve, ends cleanly on Ctrl-C.

`runs/NAME/` holds config.toml, metrics.jsonl, tensorboard/, transcripts/ and checkpoints/step-N/.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..agents.models.names import check_name, parted
from ..agents.run_folder import RunFolder, free_folder, named, run_folder, scheduled, step_of
from ..agents.wording import read_prompts
from ..envs.errors import SparringError
from ..envs.registry import Game
from ..sandbox.choose import check_name as check_verifier
from . import checkpoints
from .config import GATE, Config, played
from .hooked import hooked
from .mixtures import check_pool
from .phases import Stage, check_starts, length, stages
from .players.shelf_files import read_shelves
from .population import ended, settle
from .ranks.launched import check_launch, first, processes, ranks
from .settings import read
from .watch.records import Metrics
from .watch.trackers import check_trackers

if TYPE_CHECKING:
    from .loop import Loop

_NAME_BYTES = 255
"""The longest name of a folder that file systems take."""
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
    stopped: bool = False
    """Whether an alarm ended it."""
    spent: bool = False
    """Whether it ended because it had sampled the tokens that it may."""


def train(config: Config, *, quiet: bool = False, **functions: Any) -> Trained:
    """Train from the start. Raises GameError, ModelError or RunError for what cannot be trained.

    `functions` are callables of your own, as `hooked` takes them (`estimator=…`, `judge=…`); the settings
    record their names, so that the run can be resumed. A run that is refused leaves no folder, unless games
    of its first step were written there.
    """
    config = hooked(config, **functions)
    _, folder = checked(config)
    if joined := ranks():
        # A free folder is taken by the first process, which the others must not see as taken.
        folder = joined.agreed(folder)
    fresh = not folder.exists()
    try:
        return _persist(replace(config, out=str(folder)), folder, None, quiet=quiet)
    except SparringError:
        # A folder that holds metrics or games stays: only one that no step reached goes.
        left = RunFolder(folder)
        if first() and fresh and not (left.records() or any(left.transcripts.glob("*"))):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def checked(config: Config) -> tuple[Game, Path]:
    """The game of a run and where it will lie, as far as can be told without loading the model.

    Raises what `train` raises.
    """
    check_launch(config)
    found = stages(config)
    check_starts(found)
    check_pool(found[-1].config, len(found))
    game = played(found[0].config)
    check_name(parted(config.model)[0])
    check_verifier(config.verifier)
    check_trackers(config.record.trackers)
    if config.rollout.prompts:
        read_prompts(config.rollout.prompts)
    for stage in found[1 : max(len(config.phases), len(config.population.listed))]:
        played(stage.config)
    for stage in found:
        # For what it raises: a model may take minutes to load.
        read_shelves(stage.config.shelves)
    if config.exams:
        # What exams import is heavy, and most runs have none.
        from .watch.exams import papers

        papers(config)
    return game, _free(config)


def resume(run: str | Path, *, steps: int | None = None, quiet: bool = False) -> Trained:
    """Go on from a run's last checkpoint, or from that of `RUN@N`; to `steps`, if given.

    Metrics after it are as if the run had never stopped. Raises CheckpointError for a checkpoint that
    is missing or corrupt.
    """
    name, at, number = str(run).partition("@")
    if at and number != "latest" and not number.isdecimal():
        raise RunError(f"{run!s}: expected RUN, RUN@STEP or RUN@latest")
    folder = run_folder(name)
    if not RunFolder(folder).config.is_file():
        raise RunError(f"no run {name!r}: {folder} has no config.toml")

    config = read(RunFolder(folder).config)
    if steps is not None and (config.phases or config.population.listed):
        raise RunError(f"{name} has phases, each with steps of its own; leave out --steps")
    if steps is not None:
        config = replace(config, steps=steps)

    if not RunFolder(folder).steps:
        raise RunError(
            f"{name} was left before its first checkpoint; remove {folder} and train anew"
        )
    place = checkpoints.at(
        RunFolder(folder).checkpoints, int(number) if number.isdecimal() else None
    )
    # Checked before the model is loaded, which takes far longer.
    checkpoints.verify(place)
    done = step_of(place) or 0
    if config.tokens and checkpoints.tokens(place) >= config.tokens:
        raise RunError(f"{name} has sampled its {config.tokens:,} tokens; that is all of them")
    if done >= length(config):
        asked = (
            f"--steps {steps} is no further" if steps is not None else "that is all of its steps"
        )
        parts = config.phases or config.population.listed
        more = "" if parts else f"; give --steps a number above {done}"
        raise RunError(f"{name} is at step {done}, and {asked}{more}")
    check_launch(config)
    return _persist(config, folder, place, quiet=quiet)


def _persist(config: Config, folder: Path, place: Path | None, *, quiet: bool) -> Trained:
    """Run; where an alarm asks for it, go back to the last checkpoint before it and on with other games."""
    while True:
        done = _staged(config, folder, place, quiet=quiet)
        # A checkpoint of the alarm's own step would hold the weights that raised it.
        before = [at for at in scheduled(RunFolder(folder).checkpoints) if at < done.step]
        watch = next(s.config.watch for s in stages(config) if s.end >= done.step)
        going = done.broken and not done.interrupted
        if not (going and before and config.rollbacks < watch.rollbacks):
            return done
        place = checkpoints.at(RunFolder(folder).checkpoints, before[-1])
        checkpoints.verify(place)
        # The count is part of every seed, so that the games after it are others.
        config = replace(config, rollbacks=config.rollbacks + 1)


def _staged(config: Config, folder: Path, place: Path | None, *, quiet: bool) -> Trained:
    """Train the stages that are left after a checkpoint, one after the other."""
    at = (step_of(place) or 0) if place else 0
    alarms: tuple[str, ...] = ()
    last: Metrics = {}
    # A checkpoint at a stage's end begins the next.
    for stage in [stage for stage in stages(config) if stage.end > at]:
        inside = place if at > stage.offset else None
        done = _run(config, stage, folder, inside, quiet=quiet)
        alarms, last = alarms + done.alarms, last | done.metrics
        if done.interrupted or done.stopped or done.spent or stage.index == stage.count - 1:
            return replace(done, alarms=alarms, metrics=last)
    raise AssertionError("a run that is done was refused before")


def _free(config: Config) -> Path:
    """Where the run will lie. A folder that was asked for must be free; else the first free name."""
    folder = run_folder(named(config.out)) if config.out else free_folder(config.recipe)
    if len(os.fsencode(folder.name)) > _NAME_BYTES:
        raise RunError(f"{folder} cannot be a run's folder: File name too long")
    try:
        # A folder above it may be a file.
        full = folder.is_dir() and any(folder.iterdir())
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder} is a file; choose another --out")
    except OSError as fault:
        raise RunError(f"{folder} cannot be a run's folder: {fault.strerror}") from fault

    if not full:
        return folder
    if RunFolder(folder).steps:
        raise RunError(f"{folder} exists; resume it with --resume, or choose another --out")
    if RunFolder(folder).config.is_file():
        raise RunError(
            f"{folder} exists, left before its first checkpoint; remove it, or choose another --out"
        )
    raise RunError(f"{folder} exists and is no run; choose another --out")


def _run(config: Config, stage: Stage, folder: Path, place: Path | None, *, quiet: bool) -> Trained:
    """Train one stage, from its beginning or from a checkpoint inside it."""
    # Torch and TRL load slowly; a run that is refused does not wait for them.
    from .assembly import assembled
    from .ranks.ranks import talking
    from .watch.progress import Display

    display = Display(length(config), quiet=quiet or not first())
    if stage.place.member:

        def better(one: int, other: int) -> bool:
            """By games, which want models: loaded only where a population asks for it."""
            from .gated import by_gate

            return by_gate(stage.config, played(stage.config), folder, one, other)

        settle(config, stage, folder, better, display.say)
    with assembled(config, stage, folder, place, display) as loop:
        display.say(_header(loop.config, stage, folder, loop.trainer.whole))
        if config.rollbacks and place:
            back = f"rolled back to step {step_of(place)} (number {config.rollbacks})"
            display.say(back, "yellow")

        with (
            _interrupts(loop.interrupt, _unsaid if processes() > 1 else display.say),
            talking(),
            checkpoints.writing(RunFolder(folder).checkpoints),
        ):
            _fit(loop, place)

        step = stage.offset + loop.trainer.state.global_step
        if loop.pool and step == length(config):
            loop.tell(loop.pool.solve(step, (*stage.place.ends, step)))
        # One that is complete was not interrupted; one whose end an alarm takes back is not complete.
        complete = not loop.broken and (loop.spent or step == length(config))
        interrupted = loop.interrupted and not complete
        if interrupted or not loop.broken:
            display.say(_farewell(folder, step, stage, config, loop, interrupted=interrupted))
        alarms = tuple(alarm.text for alarm in loop.alarms)
        return Trained(
            folder,
            step,
            loop.last,
            alarms,
            interrupted,
            loop.broken,
            loop.stopped,
            loop.spent,
        )


def _fit(loop: Loop, place: Path | None) -> None:
    """Train. A step that cannot be trained on leaves its games, which say why."""
    from .data.objectives import NothingToLearnError
    from .step import EmptyStepError, LostGamesError

    try:
        loop.trainer.train(resume_from_checkpoint=str(place) if place else None)
    except (EmptyStepError, LostGamesError, NothingToLearnError) as fault:
        refused = loop.play.last
        if not (first() and refused and loop.config.record.transcripts):
            raise
        told = loop.write_games(refused)
        raise type(fault)(f"{fault} (its games: {told})") from fault


def _header(config: Config, stage: Stage, folder: Path, model: Any) -> str:
    size = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    share = "" if trained == size else f", {trained / 1e6:,.2f} M trained"
    part = f"phase {stage.index + 1} of {stage.count} · " if stage.phase else ""
    if stage.place.member:
        number = stage.index // len(stage.place.kinds) + 1
        part = f"round {number}, member {stage.place.member} · "
    if config.stock.trials:
        # found by the trials before it
        part += f"temperature {config.rollout.temperature:g} · "
    return (
        f"{folder} · {part}{config.recipe} on {config.title} · {config.model} ({size / 1e6:,.2f} M{share}) · "
        f"{config.steps} steps of {config.rollout.games} games · seed {config.seed}"
    )


def _farewell(
    folder: Path, step: int, stage: Stage, config: Config, loop: Loop, *, interrupted: bool
) -> str:
    steps = length(config)
    if interrupted and loop.broken:
        again = f"go on with: sparring train --resume {folder}"
        return f"stopped at step {step}, which an alarm takes back; {again}"
    if loop.stopped:
        return f"stopped by an alarm at step {step} of {steps} in {folder}"
    if interrupted:
        return f"stopped at step {step}, saved; go on with: sparring train --resume {folder}"
    if loop.spent:
        return f"done: {config.tokens:,} tokens were sampled by step {step} in {folder}"
    if step < steps and step == stage.end:
        return f"phase {stage.index + 1} of {stage.count} is done: step {step} of {steps}"
    if config.population.mains[1:] and config.population.by not in ("", GATE):
        return f"done: step {step} of {steps}; {ended(config, folder)}"
    return f"done: step {step} of {steps} in {folder}"


def _unsaid(text: str) -> None:
    """Launchers stop all processes when one has died: then no checkpoint follows."""


@contextlib.contextmanager
def _interrupts(stop: Callable[[], None], say: Callable[[str], None]) -> Generator[None]:
    """The first Ctrl-C or `kill` ends the run after its present step, saved; the second at once."""
    # Python lets only the main thread set handlers.
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
