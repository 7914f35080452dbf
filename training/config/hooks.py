"""Functions of one's own that take a part's place, named `FILE.py:FUNCTION` or `MODULE:FUNCTION`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...envs.hooks import HookError, hook
from .values import ConfigError, choice


@dataclass(frozen=True)
class Hooks:
    """Each serves where the setting that it belongs to says `own`; monitors are asked at every record.

    estimator: (outcomes, baselines, credits) → (a Centre for each outcome, baselines), `data/advantage.py`
    loss:      (logps, old_logps, advantages, mask), each (B, T) → a loss for each token (B, T)
    opponents: (config, game, learner) → an `Opponents` of `players/opponents.py`
    shares:    (weights, mix) → a `Shares` of `players/shares.py`
    monitors:  (record) → {name: what is wrong, or ""}

    Players and judges need no entry here: their names may be `FILE.py:FUNCTION`, of a function from the game
    to a policy.
    """

    estimator: str = choice("", "of credits.estimator = own")
    loss: str = choice("", "of objective.kind = own")
    opponents: str = choice("", "of opponents.mode = own")
    shares: str = choice("", "of mix.by = own")
    monitors: tuple[str, ...] = choice((), "asked at every record for what is wrong")

    def named(self) -> Iterator[str]:
        """All functions that are named."""
        yield from filter(None, (self.estimator, self.loss, self.opponents, self.shares))
        yield from self.monitors


def check_hooks(hooks: Hooks, own: dict[str, tuple[str, Any]]) -> None:
    """Raises ConfigError for a function that cannot be had, or is named and not used, or the reverse.

    `own` has the setting that each of them belongs to, and its value.
    """
    for name, (setting, value) in own.items():
        given = getattr(hooks, name)
        if value == "own" and not given:
            raise ConfigError(f"{setting} = own needs hooks.{name} = FILE.py:FUNCTION")
        if given and value != "own":
            raise ConfigError(f"hooks.{name} = {given} serves {setting} = own, which is {value}")
    for name in hooks.named():
        try:
            hook(name)
        except HookError as fault:
            raise ConfigError(str(fault)) from fault
