"""Who learns: which learner plays which role, how often it learns, and what learners share."""

# ruff: noqa: RUF009 (`number` and `choice` make fields, and what they hold is immutable)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...envs.registry import Game
from .tables import BY_ROW, BY_TOKEN, OpponentsConfig, Rollout, Update, Watch
from .values import MANY, ConfigError, choice, number

MAIN = "main"
"""The learner of every role that the cast does not name."""

SharingMode: TypeAlias = Literal["one", "adapters", "models"]


@dataclass(frozen=True)
class LearnerTable:
    """One learner: what differs for it."""

    every: int = number(1, 1, MANY, "it learns in every so many-th step")


@dataclass(frozen=True)
class Sharing:
    """What learners share.

    `one`: there is one learner. `adapters`: a LoRA adapter each on one base. `models`: nothing; each is a
    model of its own, and all begin equal.
    """

    mode: SharingMode = choice("one", "what learners share: one, adapters or models")


def learner_names(cast: Mapping[str, Any], learners: Mapping[str, LearnerTable]) -> tuple[str, ...]:
    """All learners, `main` first, the others in the order of the cast."""
    return (MAIN, *dict.fromkeys(name for name in cast.values() if name != MAIN))


def learner_of(cast: Mapping[str, Any], game: Game, role: str, seat: str = "") -> str:
    """The learner that plays a role, or one of its seats.

    A seat goes before its role, and GAME/… before the same name in all games.
    """
    names = (f"{game.id}/{seat}", seat, f"{game.id}/{role}", role)
    return str(next((cast[name] for name in names if name in cast), MAIN))


def check_learning(
    cast: Mapping[str, Any],
    learners: Mapping[str, LearnerTable],
    played: Sequence[tuple[Game, Sequence[str]]],
) -> None:
    """Raises ConfigError where steps would train nobody.

    `played` are the games, each with the roles that are trained (none: all).
    """
    names = {
        learner_of(cast, game, role, seat)
        for game, trained in played
        for seat, role in game.role_of.items()
        if not trained or role in trained
    }
    if all(learners.get(name, LearnerTable()).every > 1 for name in names):
        told = ", ".join(sorted(names))
        raise ConfigError(
            f"of the learners whose roles are trained ({told}) none learns in every step; set every = 1 for "
            "one of them"
        )


def check_cast(
    cast: Mapping[str, Any],
    learners: Mapping[str, LearnerTable],
    sharing: Sharing,
    rollout: Rollout,
    update: Update,
    opponents: OpponentsConfig,
    watch: Watch,
) -> None:
    """Raises ConfigError for a cast that cannot be trained."""
    for role, name in cast.items():
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(
                f"cast.{role} names a learner by letters, digits, - and _; it is {name!r}"
            )
    names = learner_names(cast, learners)
    if strangers := [name for name in learners if name not in names]:
        raise ConfigError(
            f"learners.{strangers[0]} plays no role; name it in [cast], like solver = "
            f'"{strangers[0]}"; the learners are {", ".join(names)}'
        )
    if taken := {"learner", "state", "default", "base"} & set(names):
        raise ConfigError(f"a learner may not be called {min(taken)}; choose another name")
    if all(learners.get(name, LearnerTable()).every > 1 for name in names):
        raise ConfigError("no learner learns in every step; set every = 1 for one of them")

    if len(names) > 1 and sharing.mode == "one":
        raise ConfigError(
            f"the cast names {', '.join(names[1:])}, and sharing.mode = one has one learner; use adapters or "
            "models"
        )
    if sharing.mode == "adapters" and not update.lora:
        raise ConfigError("sharing.mode = adapters needs a rank for them; set update.lora, like 8")
    if sharing.mode == "models" and update.lora:
        raise ConfigError("sharing.mode = models trains all weights; set update.lora = 0")
    if len(names) > 1:
        _check_several(rollout, update, opponents, watch)


def _check_several(
    rollout: Rollout, update: Update, opponents: OpponentsConfig, watch: Watch
) -> None:
    """Raises ConfigError for what one learner can do and several cannot."""
    if rollout.engine not in ("transformers", "auto"):
        raise ConfigError(
            f"rollout.engine = {rollout.engine} plays for one learner; use transformers for a cast of more"
        )
    if opponents.mode in ("past", "league", "psro") or watch.trial:
        name = "watch.trial" if watch.trial else f"opponents.mode = {opponents.mode}"
        raise ConfigError(
            f"{name} plays checkpoints of one learner; leave it out of a cast of more"
        )
    if update.loss not in BY_ROW + BY_TOKEN:
        raise ConfigError(
            f"update.loss = {update.loss} averages over all rows alike, so learners would weigh on each "
            f"other; use {' or '.join(BY_ROW + BY_TOKEN)}"
        )
