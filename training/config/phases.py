"""Phases of a run: in which order it trains under which settings, and what each begins from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar, cast

from .merging import merged
from .values import MANY, ConfigError, choice, number, table

C = TypeVar("C", bound=Any)
"""The run's settings: their type holds phases, so it cannot be imported here."""
SELF: Final = "self@"
"""Begins the name of a checkpoint of the run itself, or of what it began with (`self@start`)."""
_WHOLE: Final = (
    "exams",
    "load",
    "out",
    "phases",
    "recipe",
    "rollbacks",
    "rounds",
    "steps",
    "threads",
)
"""Settings of the whole run, which no phase may change."""


@dataclass(frozen=True)
class Phase:
    """A part of a run: so many steps under the run's settings with those of `set`.

    `start`: `last`, the weights that the phase before ended with; `base`, those that the run began with; a
    checkpoint, RUN@N or of this run self@N. Optimiser, schedule and baselines begin anew; tasks go on.
    """

    steps: int = number(100, 1, MANY, "steps of the phase")
    set: Mapping[str, Any] = table("settings that differ in it, by dotted name")
    start: str = choice("last", "the weights it begins from: last, base, self@N or RUN@N")
    collect_only: bool = choice(False, "play, keep tasks and stock, and train on nothing")


def resolved(config: C, phase: Phase, place: int) -> C:
    """The settings of the phase at this place (from 1), as those of a run that has no phases.

    Raises ConfigError, which names the phase.
    """
    try:
        data = _nested(phase.set)
        if wrong := [key for key in data if key in _WHOLE]:
            raise ConfigError(
                f"{wrong[0]} is the whole run's, and no phase may change it"
                + ("; a phase has its own steps" if wrong[0] == "steps" else "")
            )
        bare: C = replace(config, phases=(), rounds=1, steps=phase.steps)
        # one game that is asked for stands in place of a menu
        bare = replace(bare, games=()) if "game" in data else bare
        return merged(bare, data)
    except ConfigError as fault:
        raise ConfigError(f"phases[{place}].set: {fault}") from fault


def check_phases(config: Any) -> None:
    """Raises ConfigError for phases that cannot be trained."""
    if config.rounds > 1 and not config.phases:
        raise ConfigError(f"rounds = {config.rounds} repeats phases, and there are none")

    for place, phase in enumerate(config.phases, 1):
        own = resolved(config, phase, place)
        _check_start(phase, place)
        # what the run itself is called is only known once something of it was saved
        early = [name for name in named(own) if place == 1 and name != f"{SELF}start"]
        early += [phase.start] if place == 1 and phase.start.startswith(SELF) else []
        if early:
            raise ConfigError(
                f"phases[1] names {early[0]}, and nothing of the run is saved before it; use {SELF}start"
            )
    if len(config.phases) * config.rounds > MANY:
        raise ConfigError(f"{config.rounds} rounds of {len(config.phases)} phases are too many")


def named(config: Any) -> list[str]:
    """Every checkpoint of the run itself that the settings of a phase name."""
    found = [config.model, config.judge, config.opponents.entrant, *config.watch.frozen]
    found += [entry.judge for entry in config.games]
    return [name for name in found if name.startswith(SELF)]


def _check_start(phase: Phase, place: int) -> None:
    start, name = phase.start, f"phases[{place}].start"
    known = start in ("last", "base") or re.fullmatch(r".+@(\d+|latest)", start)
    if not known:
        raise ConfigError(f"{name} = {start!r} is none of last, base, {SELF}N and RUN@N")
    if start != "last" and "model" in phase.set:
        raise ConfigError(f"{name} = {start!r}, and set names another model; leave one of them out")


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
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
