"""What a critic of histories can be asked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...envs.registry import Game
from .tables import Credits
from .values import ConfigError

CRITIC = "critic"


def check_critic(estimators: Sequence[str], settings: Mapping[str, tuple[Any, Any]]) -> None:
    """Raises ConfigError where a critic measures, and one of these settings is not what it must be."""
    if CRITIC not in estimators:
        return
    for name, (given, needed) in settings.items():
        if given != needed:
            shown = str(needed).lower() if isinstance(needed, bool) else repr(needed)
            raise ConfigError(
                f"credits.estimator = critic values the moves of learners that sit in every seat and say no "
                f"more than a move; set {name} = {shown}, or another estimator"
            )


def check_valued(game: Game, credits: Credits) -> None:
    """Raises ConfigError for a game, or credits of its own, that a critic cannot value."""
    if credits.discount != 1 or credits.turns or not credits.payoff:
        raise ConfigError(
            f"credits.estimator = critic values what {game.id} pays at its end, at every turn; leave payoff, "
            "discount and turns of its credits as they are"
        )
    if set(game.judges) & set(game.roles):
        raise ConfigError(
            f"credits.estimator = critic knows how every seat moves, and {game.id} has judges; use another "
            "estimator"
        )
