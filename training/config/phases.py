"""Phases of a run: in which order it trains under which settings, and what each begins from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar, cast

from .cast import MAIN, learner_names
from .merging import merged
from .values import MANY, ConfigError, choice, number, table

C = TypeVar("C", bound=Any)
"""The run's settings: their type holds phases, so it cannot be imported here."""
SELF: Final = "self"
"""Stands for the run in the names of its own checkpoints, as in `self@20` or `self@start`."""
MEMBERS: Final = "population.members"
_WHOLE: Final = (
    "exams",
    "load",
    "out",
    "phases",
    "population",
    "recipe",
    "rollbacks",
    "rounds",
    "steps",
    "threads",
    "tokens",
)
"""Settings of the whole run, which no phase may change."""


@dataclass(frozen=True)
class Phase:
    """A part of a run: so many steps under the run's settings with those of `set`.

    `start`: `last`, the weights that the phase before ended with; `base`, those that the run began with; a
    learner, whose weights the main one takes on; a checkpoint, RUN@N or of this run self@N. Optimiser,
    schedule and baselines begin anew; tasks go on.
    """

    steps: int = number(100, 1, MANY, "steps of the phase")
    set: Mapping[str, Any] = table("settings that differ in it, by dotted name")
    start: str = choice("last", "what it begins from: last, base, LEARNER, self@N or RUN@N")
    collect_only: bool = choice(False, "play, keep tasks and stock, and train on nothing")


def resolved(config: C, phase: Phase, place: int, title: str = "phases") -> C:
    """The settings of the phase at this place (from 1), as those of a run that has no phases.

    Raises ConfigError, which names the phase, one of the list `title`.
    """
    try:
        data = nested(phase.set)
        if wrong := [key for key in data if key in _WHOLE]:
            raise ConfigError(
                f"{wrong[0]} is the whole run's, and no phase may change it"
                + ("; a phase has its own steps" if wrong[0] == "steps" else "")
            )
        alone = {"phases": (), "population": type(config.population)(), "rounds": 1}
        bare: C = replace(config, **alone, steps=phase.steps)
        # one game that is asked for stands in place of a menu
        bare = replace(bare, games=()) if "game" in data else bare
        return merged(bare, data)
    except ConfigError as fault:
        raise ConfigError(f"{title}[{place}].set: {fault}") from fault


def check_phases(config: Any) -> None:
    """Raises ConfigError for phases that cannot be trained."""
    if config.rounds > 1 and not (config.phases or config.population.listed):
        raise ConfigError(f"rounds = {config.rounds} repeats phases, and there are none")
    if not config.phases and config.population.listed:
        _check_members(config)

    for place, phase in enumerate(config.phases, 1):
        own = resolved(config, phase, place)
        _check_start(phase, place, own)
        early = [own_checkpoint(name, own) for name in (*named(own), begun(phase, own))]
        late = [found for found in early if found and found.step != "start"]
        # the first phase has nothing before it but what the run began with
        if place == 1 and late:
            raise ConfigError(
                f"phases[1] names {late[0].name}, and nothing of the run is saved before it; use {SELF}@start"
            )
    if len(config.phases) * config.rounds > MANY:
        raise ConfigError(f"{config.rounds} rounds of {len(config.phases)} phases are too many")


def phase_of(config: Any, place: int) -> Phase:
    """The phase of the population's member at this place, from 0."""
    member = config.population.listed[place]
    return Phase(config.population.steps, member.set)


def _check_members(config: Any) -> None:
    """Raises ConfigError for a member whose phases cannot be trained."""
    for place, member in enumerate(config.population.listed, 1):
        own = resolved(config, phase_of(config, place - 1), place, MEMBERS)
        if member.kind != "main" and own.opponents.mode != "league":
            raise ConfigError(
                f"{MEMBERS}[{place}] is a {member.kind}, whom the league gives its opponents; set "
                "opponents.mode = league"
            )
    if config.rounds * len(config.population.listed) > MANY:
        raise ConfigError(f"{config.rounds} rounds of so many members are too many")


class Own(NamedTuple):
    """A checkpoint of the run itself: as it was named, whose (empty: the main learner), and at which step.

    `member`: of a population, whose it is (empty: of the one whose phase it is).
    """

    name: str
    learner: str
    step: str
    member: str = ""


def own_checkpoint(name: str, config: Any, members: Collection[str] = ()) -> Own | None:
    """What `self@N`, `self:LEARNER@N` or `LEARNER@N` names, N a step, latest or start; None: not ours.

    Of a population with these `members`, each of them may stand in place of a learner.
    """
    who, at, step = name.rpartition("@")
    member = who.removeprefix(f"{SELF}:")
    if at and member in members:
        return Own(name, "", step, member)
    learners = learner_names(config.cast, config.learners)
    learner = who.removeprefix(f"{SELF}:")
    if not at or (who != SELF and learner not in learners):
        return None
    # the main learner is what a run's name alone means
    return Own(name, "" if learner in (SELF, MAIN) else learner, step)


def named(config: Any) -> list[str]:
    """The checkpoints and other players that the settings of a phase name, which may be the run's own."""
    found = [config.model, config.judge, config.opponents.entrant, *config.watch.frozen]
    return [*found, *(entry.judge for entry in config.games)]


def begun(phase: Phase, config: Any) -> str:
    """What a phase begins from as the name of a checkpoint; `last` and `base` as they are."""
    alone = phase.start in learner_names(config.cast, config.learners)
    return f"{phase.start}@latest" if alone else phase.start


def _check_start(phase: Phase, place: int, config: Any) -> None:
    start, name = begun(phase, config), f"phases[{place}].start"
    own = own_checkpoint(start, config)
    step = start.rpartition("@")[2]
    known = step.isdecimal() or step == "latest" or (own is not None and step == "start")
    if start not in ("last", "base") and not ("@" in start and known):
        raise ConfigError(
            f"{name} = {phase.start!r} is none of last, base, a learner, {SELF}@N and RUN@N"
        )
    if start != "last" and "model" in phase.set:
        raise ConfigError(
            f"{name} = {phase.start!r}, and set names another model; leave one of them out"
        )


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted names as tables in tables."""
    found: dict[str, Any] = {}
    for name, value in dotted.items():
        inner: Any = value
        for part in reversed(name.split(".")):
            inner = {part: inner}
        found = _joined(found, inner)
    return found


def _joined(data: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(data)
    for key, value in more.items():
        before: Any = found.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        found[key] = _joined(cast(Any, before), cast(Any, value)) if both else value
    return found
