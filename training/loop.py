"""What happens around TRL's steps: magnet and average, metrics, evaluation, alarms, checkpoints."""

from __future__ import annotations

import gc
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..agents.run_folder import RunFolder, step_name, stopped_at
from ..envs.errors import SparringError
from ..envs.exact import Tree
from . import checkpoints, psro
from .config import Config
from .mixtures import Mixture
from .phases import Stage
from .selfplay import SelfPlay
from .step import Step
from .trainer import SelfPlayTrainer
from .watch import transcripts
from .watch.evaluate import measures
from .watch.exams import Exams
from .watch.measure import baselines, measured_menu, of_update
from .watch.monitors import Alarm, Watcher
from .watch.progress import Display
from .watch.records import Metrics, Unwritten
from .watch.trial import Trial
from .weights import Average

MAGNET, AVERAGE = "magnet.safetensors", "average.safetensors"


class Loop(TrainerCallback):
    """The callback of a stage. `interrupt()` ends it after the present step, with a checkpoint.

    Steps count from 0 in a stage; what is written has those of the run, which are `stage.offset` more.

    Order after a step: magnet, average, evaluation, record, transcripts, checkpoint; so a checkpoint
    holds what the record beside it says.
    """

    def __init__(
        self,
        config: Config,
        stage: Stage,
        folder: Path,
        play: SelfPlay,
        trainer: SelfPlayTrainer,
        records: Unwritten,
        display: Display,
        *,
        trees: Mapping[str, Tree],
        trial: Trial | None = None,
        exams: Exams | None = None,
        pool: psro.Pool | None = None,
        resume: Path | None = None,
    ) -> None:
        self.config = config
        self.stage = stage
        self.folder = folder
        self.play = play
        self.trainer = trainer
        self.records = records
        self.display = display

        self.alarms: list[Alarm] = []
        self.last: Metrics = {}
        self.interrupted = False
        self.broken = False
        self.stopped = False
        self.spent = False
        self.pool = pool
        trainer.spent = self.share_spent
        self.saved: int | None = None
        self.magnet: Average | None = None
        self.average: Average | None = None

        self._watchers = {
            name: Watcher(config.watch, config.hooks.monitors) for name in play.menu.sections
        }
        self._trees = trees
        self._trial = trial
        self._exams = exams
        self._resume = resume
        # Of several processes the first alone evaluates, writes and decides.
        self._ranks = play.ranks
        self._first = play.ranks is None or play.ranks.first
        self._began = 0.0
        self._seconds: dict[str, float] = {}
        self._recorded = 0
        # whose samples are trained on, and by how many steps so far
        self._used: Step | None = None
        self._uses = 0
        self._unplanned = False  # whether only an interruption saves the present step
        self._thresholds = gc.get_threshold()
        self._since = (0.0, 0)

    def interrupt(self) -> None:
        """End after the present step, with a checkpoint."""
        self.interrupted = True

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.config.update.kl or self.config.objective.kind == "prefer":
            self.magnet = Average(self.trainer.whole)
        if self.config.update.average:
            self.average = Average(self.trainer.whole)

        # The averages exist by now: a checkpoint's values are copied into them.
        if self._resume:
            self._restore(self._resume / checkpoints.STATE)
            if self._trial and not (stopped_at(self._resume).exists() or self._trial.held()):
                self._try(self._step(state))
        # Curves begin at step 0; a resumed run has that record already, a later phase the one before it.
        elif not self.stage.offset and (self._trees or self._exams):
            self._record({"step": 0, "games": 0, **self._evaluated(), **self._examined(0)})
        if self.pool and not self._resume:
            self.tell(self.pool.solve(self.stage.offset, self.stage.place.ends))

        # Torch and transformers made hundreds of thousands of objects, which the collector would walk
        # again and again; a step makes tens of thousands of values and hardly a cycle.
        gc.collect()
        gc.freeze()
        self._thresholds = gc.get_threshold()
        gc.set_threshold(100_000, 20, 20)
        self._since = (time.perf_counter(), self.play.games)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        now = time.perf_counter()
        # Between two steps lie evaluation, records, checkpoints and trials.
        if self._recorded:
            self._count("record", now - self._recorded)
        self._began = now
        if self.magnet:
            done = max(state.global_step / self.config.steps, self.share_spent())
            self.trainer.pull(self.magnet, self.config.update.strength(done))

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        # Before the step: such a gradient must not reach the weights.
        self.trainer.check()
        self.trainer.clip()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._recorded = time.perf_counter()
        step, update, record = state.global_step, self.config.update, self.config.record
        whole = self._step(state)
        played = self.play.last
        assert played, "a step without games"
        if self._ranks:
            self.interrupted = self._ranks.any(self.interrupted)
        # Games are played for the first of the iterations only, and anew wherever a run resumes.
        fresh = played is not self._used
        self._used, self._uses = played, 1 if fresh else self._uses + 1

        # A later iteration over the same samples has played nothing.
        spent = played.seconds if fresh else {}
        for name, seconds in spent.items():
            self._count(name, seconds)
        # Games are played inside TRL's step; what is left of its time is the update.
        self._count("update", self._recorded - self._began - sum(spent.values()))

        self.trainer.moved()
        # The average begins short: its full length would hold the first weights for long.
        still = self.config.objective.kind == "prefer"
        if self.magnet and not still and _due(step, update.magnet_every):
            self.magnet.move(update.magnet_move)
        if self.average:
            self.average.move(1 - min(update.average, step / (step + 10)))

        # Samples that are still in use stand in no checkpoint: save, and end, only where none are. The last
        # step is saved all the same: what is left of its samples would be dropped in any case.
        ended = step >= self.config.steps
        boundary = ended or self._uses >= update.iterations
        self.spent = boundary and self.share_spent() >= 1
        last = self.spent or ended
        measured = self.trainer.measured()
        found: Metrics = {}
        if self._trees and (last or _due(step, record.evaluate_every)):
            found |= self._evaluated()
        found |= self._examined(whole, last=last)

        due = boundary and (last or _due(step, record.checkpoint_every))
        # An interruption leaves no record, no trial and nobody's opponent: what goes on is an unbroken run.
        self._unplanned = not due
        if found or due or _due(step, record.metrics_every):
            self._record({**self._described(whole, measured, kwargs), **found})
        if self._first and fresh and _due(played.number, record.transcripts_every):
            self.write_games(played)
        self.display.step(whole, played.lacks if fresh else "")

        stopped = self._alarmed(whole)
        # A step that an alarm ends is saved where one that was not interrupted would be, and one that a
        # rollback undoes is not; an interrupted run goes on to the next step that can be saved.
        saving = due or (boundary and self.interrupted and not stopped)
        if saving and not self.broken:
            control.should_save = True
        if stopped or self.spent or (saving and self.interrupted):
            control.should_training_stop = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add our own state to what was saved, seal it and put it in place."""
        step, folder = self._step(state), RunFolder(self.folder).checkpoints
        draft = checkpoints.drafts(folder) / f"checkpoint-{state.global_step}"

        if self._ranks:
            # Each process adds the state of its random generators.
            self._ranks.wait()
        if self._first:
            self._seal(step, folder, draft)
            self.saved = step
            # A trial plays the checkpoint from its place, so it comes after the move.
            if not self._unplanned:
                self._try(step)
        # The trial may have raised an alarm that `on_step_end` has not seen; and no process goes on before
        # the checkpoint, which may play in the next step, is there.
        if self._alarmed(step):
            control.should_training_stop = True

    def _seal(self, step: int, folder: Path, draft: Path) -> None:
        """Complete a checkpoint's draft and move it to its place."""
        # Past selves, whose adapters are loaded beside the learner's, were saved with it.
        for other in draft.glob("*/adapter_config.json"):
            if other.parent.name not in self.play.cast.names:
                shutil.rmtree(other.parent)

        own = draft / checkpoints.STATE
        own.mkdir(exist_ok=True)
        state: dict[str, Any] = {"step": step, "play": self.play.state(), "watch": self._watching()}
        state["sampler_gap"] = self.trainer.sampler_gap
        checkpoints.write_json(own / "sparring.json", state)
        if self._unplanned:
            stopped_at(draft).touch()
        if self.magnet:
            self.magnet.save(own / MAGNET)
        if self.average:
            self.average.save(own / AVERAGE)

        # The manifest covers our own files too, so all are written by now.
        checkpoints.finish(draft, folder / step_name(step))
        checkpoints.prune(folder, self.config.record.keep)

    def write_games(self, played: Step) -> Path:
        """Write the step's first games as text that people read; returns the file."""
        folder = RunFolder(self.folder).transcripts
        told = replace(played, number=self.stage.offset + played.number)
        with checkpoints.writing(folder):
            return transcripts.write(folder, told, self.config.record.transcripts)

    def tell(self, solved: Mixture) -> None:
        """Record what the pool of best responses came to, and say it."""
        numbers = {"step": solved.step, "games": self.play.games, **psro.measured(solved)}
        if not psro.recorded(self.folder, numbers):
            self._record(numbers, shown=False)
        self.display.say(psro.told(solved))

    def _restore(self, own: Path) -> None:
        saved = json.loads((own / "sparring.json").read_text())
        self.play.restore(saved["play"])
        # not told yet: a checkpoint may lie between two records
        self.trainer.sampler_gap = saved.get("sampler_gap")
        # A run of one game has one watcher, whose state stands alone.
        alone = len(self._watchers) == 1
        for name, watcher in self._watchers.items():
            watcher.restore(saved["watch"] if alone else saved["watch"][name])
        if self.magnet:
            self.magnet.load(own / MAGNET)
        if self.average:
            self.average.load(own / AVERAGE)

    def _alarmed(self, step: int) -> bool:
        """Whether an alarm of this step ends the run; `broken` then says that it asks to go back."""
        alarmed, action = any(alarm.step == step for alarm in self.alarms), self.config.watch.action
        if self._ranks:
            # Only the first process sees evaluations and trials.
            alarmed = self._ranks.agreed(alarmed)
        self.broken = alarmed and action == "rollback"
        self.stopped = alarmed and action in ("stop", "rollback")
        return self.stopped

    def share_spent(self) -> float:
        """The share of the run's tokens that were sampled; 0 where tokens do not end it."""
        return self.play.tokens / self.config.tokens if self.config.tokens else 0.0

    def _step(self, state: TrainerState) -> int:
        """The run's step."""
        return self.stage.offset + state.global_step

    def _try(self, step: int) -> None:
        """Hold the checkpoint's trial and record it. A trial that fails is told, and the run goes on."""
        if self._trial is None:
            return
        began = time.perf_counter()
        try:
            found = self._trial.hold(step)
        except SparringError as fault:
            self.display.say(f"the trial of step {step} failed: {fault}", "yellow")
            return

        self._count("trial", time.perf_counter() - began)
        if found:
            self.display.say(f"trial of step {step}: {self._trial.told(found)}")
            self._record({"step": step, "games": self.play.games, **found}, shown=False)

    def _examined(self, step: int, *, last: bool = False) -> Metrics:
        """The exams that are due."""
        if self._exams is None or not self._exams.due(step, last=last):
            return {}
        began = time.perf_counter()
        found = self._exams.hold(step, last=last)
        self._count("exam", time.perf_counter() - began)
        if self.stage.place.member:
            # The exam before may have been another member's: nothing is forgotten by it.
            return {name: x for name, x in found.items() if not name.endswith("/forgot")}
        return found

    def _watching(self) -> dict[str, Any]:
        """The watchers' state, as JSON values."""
        states = {name: watcher.state() for name, watcher in self._watchers.items()}
        return states if len(states) > 1 else states[""]

    def _evaluated(self) -> Metrics:
        """`evaluated` of every game with a tree."""
        found: Metrics = {}
        for entry in self.play.menu.entries:
            if tree := self._trees.get(entry.label):
                policy = self.play.learner_of(tree.game)
                of_tree = measures(tree, policy, self.config.record.thoughts, self.average)
                found |= self.play.menu.named(entry, of_tree)
        return found

    def _described(self, step: int, measured: dict[str, float], kwargs: dict[str, Any]) -> Metrics:
        played = self.play.last
        assert played, "a step without games"
        now = time.perf_counter()
        began, games = self._since
        self._since = (now, self.play.games)

        record: Metrics = {"step": step, "games": self.play.games, "tokens": self.play.tokens}
        if self.stage.phase:
            record["phase"] = self.stage.index + 1
        if member := self.stage.place.member:
            record["member"] = member
        record |= measured_menu(played, self.play.menu, self.play.cast.names)
        record |= baselines(self.play.baselines, self.config.credits)

        record |= of_update(measured)
        if self.trainer.batch is not None and self.trainer.batch.rests:
            record["rested"] = 1
        if (gap := self.trainer.sampler_gap) is not None:
            record["sampler_gap"], self.trainer.sampler_gap = gap, None

        if self.play.elsewhere:
            record |= self.play.elsewhere.measured()
        record["lr"] = kwargs["lr_scheduler"].get_last_lr()[0]
        record["tasks"] = len(self.play.tasks)
        record["games_per_second"] = (self.play.games - games) / (now - began)
        record |= {f"seconds/{name}": seconds for name, seconds in self._seconds.items()}
        return record

    def _record(self, record: Metrics, *, shown: bool = True) -> None:
        self.last = self.last | record
        self.records.add(record)
        if shown:
            self.display.show(record)
        if self.config.watch.action == "ignore":
            return
        for name, section in self.play.menu.sectioned(record).items():
            for alarm in self._watchers[name].look(section):
                where = f"{name}: " if name else ""
                told = replace(alarm, text=where + alarm.text)
                self.alarms.append(told)
                self.display.say(f"alarm at step {told.step}: {told.text}", "yellow")

    def _count(self, phase: str, seconds: float) -> None:
        self._seconds[phase] = self._seconds.get(phase, 0.0) + seconds


def _due(step: int, every: int) -> bool:
    return bool(every) and step % every == 0
