"""A run as a list of stages: each phase of each round with its settings, its first step and its start.

A stage is trained like a run of its own, with steps of its own from 0, and written with the run's steps.
Which stage a checkpoint belongs to follows from its step alone, so nothing else need be kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from ..agents.models.names import born, parted, split_options, with_options
from ..agents.run_folder import RunFolder
from ..agents.seats import checkpoint
from ..envs.registry import Game
from ..envs.seeds import bits
from . import checkpoints
from .config import Config, ConfigError
from .config.merging import merged
from .config.phases import (
    MEMBERS,
    SELF,
    Phase,
    begun,
    named,
    nested,
    own_checkpoint,
    phase_of,
    resolved,
)
from .lineage import born_at
from .players.standing import ALONE, Standing, standing


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    index:  its place in the run, from 0.
    count:  how many stages the run has.
    offset: the run's steps before it.
    config: its settings, those of a run of its own; checkpoints of this run may stand in them as `self@…`.
    phase:  what was asked for; None where the run has no phases.
    before: the steps of the stage before it.
    place:  where it stands among the others, and whose it is.
    """

    index: int
    count: int
    offset: int
    config: Config
    phase: Phase | None = None
    before: int = 0
    place: Standing = ALONE

    @property
    def end(self) -> int:
        """The run's step at which it ends."""
        return self.offset + self.config.steps

    @property
    def collects(self) -> bool:
        """Whether it trains on nothing."""
        return self.phase is not None and self.phase.collect_only


def stages(config: Config) -> tuple[Stage, ...]:
    """The run's stages in order; one for a run without phases. Raises ConfigError."""
    members = len(config.population.listed)
    if not (config.phases or members):
        if config.stock.trials:
            raise ConfigError(
                f"stock.trials = {config.stock.trials} compares steps of earlier phases, and the run has none"
            )
        return (Stage(0, 1, 0, config),)

    found: list[Stage] = []
    listed = config.phases or [phase_of(config, number) for number in range(members)]
    count = config.rounds * len(listed)
    for index in range(count):
        number = index % len(listed)
        phase = listed[number]
        own = resolved(config, phase, number + 1, MEMBERS if members else "phases")
        # the first phase is a run of its own with the run's seed; of later ones each has another
        if index and "seed" not in phase.set:
            own = replace(own, seed=bits(f"phase/{config.seed}/{index}", 32))
        if phase.collect_only:
            # nothing is trained, so its games are played once and need no parts
            own = replace(own, update=replace(own.update, iterations=1, microbatches=1))
        offset, before = (found[-1].end, found[-1].config.steps) if found else (0, 0)
        if own.stock.trials > offset:
            raise ConfigError(
                f"phase {index + 1} of the run compares stock.trials = {own.stock.trials} steps before "
                f"it, and {offset} are played by then"
            )
        ends = tuple(stage.end for stage in found)
        place = standing(config.population, offset, ends, index)
        found.append(Stage(index, count, offset, own, phase, before, place))
    _check_names(found)
    return tuple(found)


def length(config: Config) -> int:
    """All steps of a run."""
    if members := len(config.population.listed):
        return config.rounds * members * config.population.steps
    return config.rounds * sum(phase.steps for phase in config.phases) or config.steps


def situated(stage: Stage, run: Config, game: Game, folder: Path) -> Config:
    """The stage's settings with `self@…` and its start as names that any run could have.

    Raises CheckpointError for a checkpoint that is not there.
    """
    if stage.phase is None:
        return stage.config

    def name(given: str) -> str:
        """A checkpoint of this run by its path."""
        own = own_checkpoint(given, stage.config, stage.place.kinds)
        if own is None:
            return given
        if own.step == "start":
            return _began(run, game)
        step = stage.offset if own.step == "latest" else int(own.step)
        if own.step == "latest" and (member := own.member or stage.place.member):
            step = stage.place.latest(member)
        if not step:
            return _began(run, game)
        checkpoints.at(RunFolder(folder).checkpoints, step)
        whose = f":{own.learner}" if own.learner else ""
        return f"{folder}{whose}@{step}"

    config, start = stage.config, _start(stage, run)
    if member := stage.place.member:
        born = born_at(folder, member, stage.offset)
        config = merged(config, nested(born.set))
        start = f"{SELF}@{born.begins or 'start'}"
    entrant = config.opponents.entrant
    if config.opponents.mode == "psro":
        # what the pool begins with
        entrant = entrant or f"{SELF}@start"
    opponents = replace(config.opponents, entrant=name(entrant))
    watch = replace(config.watch, frozen=tuple(map(name, config.watch.frozen)))
    menu = tuple(replace(entry, judge=name(entry.judge)) for entry in config.games)
    stock, rollout = config.stock, config.rollout
    if stock.trials:
        # What reads samples loads torch, and few phases ask for it.
        from .balancing import warmth

        found = warmth(config, folder, stage.offset, _tried(run, stage))
        rollout = replace(rollout, temperature=found)
    if stock.source == SELF:
        stock = replace(stock, source=str(folder))
    model = _model(name(start))
    judge = name(config.judge)
    return replace(
        config,
        model=model,
        judge=judge,
        rollout=rollout,
        opponents=opponents,
        watch=watch,
        stock=stock,
        games=menu,
    )


def _tried(run: Config, stage: Stage) -> list[float]:
    """The temperatures of the steps that a stage looks back on, in order."""
    steps = range(stage.offset - stage.config.stock.trials, stage.offset)
    before = stages(run)[: stage.index]
    return [
        each.config.rollout.temperature
        for step in steps
        for each in before
        if each.offset <= step < each.end
    ]


def goes_on(stage: Stage, folder: Path) -> Path | None:
    """The checkpoint whose learners beside the main one go on in this stage; None: they begin anew."""
    if stage.phase is None:
        return None
    start = begun(stage.phase, stage.config)
    own = own_checkpoint(start, stage.config)
    if stage.place.member:
        # one learner alone, whose weights are the stage's model
        return None
    if start == "last" or (own and (own.step == "latest" or own.learner)):
        return checkpoints.at(RunFolder(folder).checkpoints, stage.offset)
    if own is None or own.step == "start":
        return None
    return checkpoints.at(RunFolder(folder).checkpoints, int(own.step))


def check_starts(found: Sequence[Stage]) -> None:
    """Raises UnknownEntrantError for a phase that begins with another run's checkpoint that is not there."""
    for stage in found:
        start = begun(stage.phase, stage.config) if stage.phase else ""
        if "@" in start and not own_checkpoint(start, stage.config):
            run, _, step = start.rpartition("@")
            checkpoint(run, step)


def described(found: Sequence[Stage], run: Config) -> Iterator[str]:
    """What each stage is, a few lines each, as comments of TOML."""
    for stage in found:
        assert stage.phase, "a run without phases has nothing to tell apart"
        steps = f"steps {stage.offset + 1} to {stage.end}"
        start = "model" if not stage.index and stage.phase.start == "last" else stage.phase.start
        if stage.place.member:
            start = (
                f"{stage.place.member}'s weights, or those it copies"
                if stage.place.latest(stage.place.member)
                else "model"
            )
        does = ", collects only" if stage.collects else ""
        yield f"# phase {stage.index + 1} of {stage.count}: {steps}, from {start}{does}"
        yield from (f"#   {name} = {value!r}" for name, value in _changes(run, stage.config))


def _changes(run: Config, own: Config) -> Iterator[tuple[str, Any]]:
    """The settings that differ, by dotted name."""
    for item in fields(run):
        before, now = getattr(run, item.name), getattr(own, item.name)
        if item.name in ("phases", "rounds", "steps") or before == now:
            continue
        if not is_dataclass(now):
            yield item.name, now
            continue
        for inner in fields(now):
            if getattr(before, inner.name) != getattr(now, inner.name):
                yield f"{item.name}.{inner.name}", getattr(now, inner.name)


def _start(stage: Stage, run: Config) -> str:
    """The name of what a stage begins from."""
    assert stage.phase
    start = begun(stage.phase, stage.config)
    if "model" in stage.phase.set:
        return stage.config.model
    # the first stage's weights are those that the run was given
    if not stage.index and start in ("last", "base"):
        return run.model
    return {"last": "self@latest", "base": "self@start"}.get(start, start)


def _model(name: str) -> str:
    """A model's name; a checkpoint by its folder."""
    place, at, step = name.rpartition("@")
    if not at or Path(name).exists():
        return name
    return str(checkpoint(place, step))


def _began(run: Config, game: Game) -> str:
    """What the run began with. What is built by its folder: a name alone would be built from another seed."""
    name, _ = parted(run.model)
    if name != "tiny" and not born(name):
        return run.model
    # torch is imported for models alone
    from ..agents.models.weights import find_model

    # how it thinks is no part of the folder, and goes along
    every, own = split_options(run.model)[1], split_options(name)[1]
    thinks = {key: value for key, value in every.items() if key not in own}
    return with_options(str(find_model(name, game, run.seed).folder), thinks)


def _check_names(found: Sequence[Stage]) -> None:
    """Raises ConfigError for a checkpoint of the run itself that is not saved before it is asked for."""
    for stage in found:
        assert stage.phase
        asked = [*named(stage.config), begun(stage.phase, stage.config)]
        members = stage.place.kinds
        for own in [own_checkpoint(name, stage.config, members) for name in asked]:
            if own is None or own.step in ("start", "latest"):
                continue
            if not own.step.isdecimal() or not _saved(found[: stage.index], int(own.step)):
                known = ", ".join(str(each.end) for each in found[: stage.index])
                raise ConfigError(
                    f"phase {stage.index + 1} of the run names {own.name}, and no checkpoint of that step "
                    f"is saved before it; phases end at {known or 'none'}"
                )


def _saved(before: Sequence[Stage], step: int) -> bool:
    for stage in before:
        own, every = step - stage.offset, stage.config.record.checkpoint_every
        if 0 < own <= stage.config.steps:
            return step == stage.end or bool(every and own % every == 0)
    return False
