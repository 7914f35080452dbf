"""A training run from its settings to its folder; resumes to the same curve, ends cleanly on Ctrl-C.

`runs/NAME/` holds config.toml, metrics.jsonl, tensorboard/, transcripts/ and checkpoints/step-N/.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from ..agents.models.names import check_name
from ..agents.run_folder import RunFolder, free_folder, run_folder, step_of
from ..envs.errors import SparringError
from ..envs.registry import Game
from ..sandbox.choose import Lazy
from . import checkpoints
from .config import Config, played, settled
from .settings import read, to_toml
from .watch.records import Metrics

_STOPS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
"""What asks a run to stop, and what it does when it comes a second time."""


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
    if not RunFolder(folder).config.is_file():
        raise RunError(f"no run {name!r}: {folder} has no config.toml")
    config = read(RunFolder(folder).config)
    if steps is not None:
        config = replace(config, steps=steps)
    if not RunFolder(folder).steps:
        raise RunError(
            f"{name} was left before its first checkpoint; remove {folder} and train anew"
        )
    place = checkpoints.at(
        RunFolder(folder).checkpoints, int(number) if number.isdecimal() else None
    )
    checkpoints.verify(place)
    if (step_of(place) or 0) >= config.steps:
        raise RunError(f"{name} has trained all its {config.steps} steps; give more with --steps")
    return _persist(config, played(config), folder, place, quiet=quiet)


def _persist(
    config: Config, game: Game, folder: Path, place: Path | None, *, quiet: bool
) -> Trained:
    """Run; where an alarm asks for it, go back to the last checkpoint before it and on with other games."""
    while True:
        done = _run(config, game, folder, place, quiet=quiet)
        before = [at for at in RunFolder(folder).steps if at < done.step]
        if not (done.broken and before and config.rollbacks < config.watch.rollbacks):
            return done
        place = checkpoints.at(RunFolder(folder).checkpoints, before[-1])
        checkpoints.verify(place)
        config = replace(config, rollbacks=config.rollbacks + 1)


def _free(config: Config) -> Path:
    """Where the run will lie. A folder that was asked for must be free; else the first free name."""
    folder = run_folder(config.out) if config.out else free_folder(config.recipe)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; choose another --out")
    if folder.exists() and any(folder.iterdir()):
        begun = RunFolder(folder).steps
        other = "resume it with --resume" if begun else "remove it"
        raise RunError(f"{folder} exists; {other}, or choose another --out")
    return folder


def _begin(config: Config, folder: Path) -> None:
    """Make the folder; only now, when the game, the model and the settings are known to be good."""
    with checkpoints.writing(folder):
        for part in (RunFolder(folder).checkpoints, RunFolder(folder).transcripts):
            part.mkdir(parents=True, exist_ok=True)
        checkpoints.replace_text(RunFolder(folder).config, to_toml(config))


def _run(config: Config, game: Game, folder: Path, place: Path | None, *, quiet: bool) -> Trained:
    import torch

    from ..agents.models.weights import quiet as hushed
    from .loop import Loop
    from .players.learner import loaded, on_workers
    from .players.opponents import InLeague, Loaded, opponents
    from .players.sent import on_engine
    from .selfplay import SelfPlay, Timed
    from .trainer import SelfPlayTrainer
    from .watch.evaluate import exact_tree
    from .watch.progress import Display
    from .watch.records import Records
    from .watch.trial import Trial

    # settled once, for engines here and on workers; the folder keeps the word that was given
    given, config = config, settled(config)
    if config.threads:
        torch.set_num_threads(config.threads)
    policy = loaded(config, game)
    drafts = checkpoints.drafts(RunFolder(folder).checkpoints)
    with contextlib.ExitStack() as stack:
        stack.enter_context(hushed())
        runner = stack.enter_context(asyncio.Runner())
        display = Display(config.steps, quiet=quiet)
        verifier = Lazy(config.verifier, lambda name: display.say(f"code runs in: {name}"))
        stack.callback(lambda: runner.run(verifier.close()))
        if config.verifier != "auto":
            verifier.open()
        play = SelfPlay(config, game, policy, loop=runner.get_loop(), verifier=Timed(verifier))
        host = None
        if config.rollout.workers:
            play.player = stack.enter_context(on_workers(config, play.policy))
        elif config.rollout.engine != "transformers":
            play.player = sent = stack.enter_context(on_engine(config, game, play.policy))
            host = sent.host
        ancestors = Loaded(
            RunFolder(folder).checkpoints, game, play.policy, config.opponents.held, host
        )
        play.opponents = stack.enter_context(
            opponents(config, game, play.policy, folder, ancestors)
        )
        trial = None
        if config.watch.trial:
            store = play.opponents.store if isinstance(play.opponents, InLeague) else None
            trial = Trial(config, game, folder, ancestors, store, verifier, runner.get_loop())
        step = step_of(place) if place else None
        _begin(given, folder)
        records = Records(folder, tensorboard=config.record.tensorboard, after=step)
        stack.callback(records.close)
        stack.enter_context(display)
        tree = exact_tree(game) if config.record.evaluate_every else None
        loop = Loop(config, folder, play, records, display, tree=tree, trial=trial, resume=place)
        trainer = SelfPlayTrainer(
            policy.model,
            policy.dialect.tokenizer,
            config,
            play.batch,
            folder=drafts,
            callbacks=[loop],
        )
        loop.trainer = trainer
        display.say(_header(config, folder, policy.model))
        if config.rollbacks and place:
            display.say(f"rolled back to step {step} (number {config.rollbacks})", "yellow")
        stack.callback(lambda: shutil.rmtree(drafts, ignore_errors=True))
        stack.enter_context(_interrupts(loop.interrupt, display.say))
        with checkpoints.writing(RunFolder(folder).checkpoints):
            trainer.train(resume_from_checkpoint=str(place) if place else None)
        if not loop.broken:
            display.say(_farewell(folder, trainer.state.global_step, config, loop.interrupted))
        alarms = tuple(alarm.text for alarm in loop.alarms)
        return Trained(
            folder, trainer.state.global_step, loop.last, alarms, loop.interrupted, loop.broken
        )


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
        for (
            each,
            at_once,
        ) in _STOPS.items():  # not what was `before`: a job begun with & is deaf to Ctrl-C
            signal.signal(each, at_once)
        stop()
        say("stopping after this step, with a checkpoint; Ctrl-C again stops at once")

    before = {each: signal.signal(each, first) for each in _STOPS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
