"""Callables of a script as the settings that name them, so that a resumed run finds them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from ..agents.policy import Policy
from ..envs.hooks import name_of
from ..envs.registry import Game
from .config import Config
from .data.advantage import Estimator
from .watch.monitors import Monitor

Seated: TypeAlias = Callable[[Game], Policy]


def hooked(
    config: Config,
    *,
    estimator: Estimator | None = None,
    loss: Callable[..., Any] | None = None,
    opponents: Callable[..., Any] | None = None,
    shares: Callable[..., Any] | None = None,
    monitors: Sequence[Monitor] = (),
    opponent: Seated | None = None,
    judge: Seated | None = None,
) -> Config:
    """The settings with these functions in the places that `config.Hooks` describes.

    `opponent` sits beside the learner in every game, `judge` in seats that grade. Raises HookError for a
    function that is not at the top of a file: nobody could find it again.
    """
    hooks = config.hooks
    named: dict[str, Any] = {
        name: name_of(function)
        for name, function in (
            ("estimator", estimator),
            ("loss", loss),
            ("opponents", opponents),
            ("shares", shares),
        )
        if function is not None
    }
    if monitors:
        named["monitors"] = (*hooks.monitors, *map(name_of, monitors))

    # All at once: a function and the setting that it serves are checked together.
    changes: dict[str, Any] = {"hooks": replace(hooks, **named)} if named else {}
    if estimator is not None:
        changes["credits"] = replace(config.credits, estimator="own")
    if loss is not None:
        changes["objective"] = replace(config.objective, kind="own")
    if shares is not None:
        changes["mix"] = replace(config.mix, by="own")
    if opponents is not None:
        changes["opponents"] = replace(config.opponents, mode="own")
    if opponent is not None:
        entrant = name_of(opponent)
        changes["opponents"] = replace(config.opponents, mode="fixed", entrant=entrant)
    if judge is not None:
        changes["judge"] = name_of(judge)
    return replace(config, **changes) if changes else config
