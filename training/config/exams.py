"""Exams in a run: tasks that are never trained on, tried again and again as the weights change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .tables import OwnThinks
from .values import MANY, ConfigError, choice, number, table

TRAINING = 1 << 48
"""The least seed of a game in training."""


@dataclass(frozen=True)
class Exam:
    """One exam of a run: held before the first step, every so many steps and after the last."""

    game: str = choice("", "id of the game")
    parameters: Mapping[str, Any] = table("the game's own")
    name: str = choice("", "what its metrics are called (empty: the game with its parameters)")
    seeds: tuple[int, ...] = choice((0, 100), "of its tasks: the first, and the one after the last")
    k: int = number(1, 1, 1000, "attempts at each task, for pass@k and maj@k")
    votes: bool = choice(
        True, "compute maj@k too where the exam is exact, which takes seconds from k = 64 on"
    )
    every: int = number(0, 0, MANY, "steps between (0: before the first and after the last alone)")
    roles: tuple[str, ...] = choice((), "who is marked (empty: the only role, or solver)")
    beside: str = choice("", "who sits in other seats (empty: the game's sample, or random)")
    judge: str = choice("", "who grades; self is the learner (empty: as the run)")
    max_tokens: int = number(0, 0, MANY, "tokens a reply may have (0: as the run)")
    think: OwnThinks = choice(  # noqa: RUF009
        "", "off, template or asked, whoever is marked (empty: as the run)"
    )
    thought_tokens: int = number(0, 0, MANY, "tokens a thought may have (0: as the run)")
    exact: bool = choice(True, "computed over all tasks, where that can be done, and not sampled")


def check_exams(exams: Sequence[Exam]) -> None:
    """Raises ConfigError for an exam that cannot be held."""
    for place, exam in enumerate(exams, 1):
        name = f"exams[{place}]"
        if not exam.game:
            raise ConfigError(f"{name} names no game; give it one, like game = sums-v0")
        if len(exam.seeds) != 2 or not 0 <= exam.seeds[0] < exam.seeds[1]:
            raise ConfigError(
                f"{name}.seeds are the first and the one after the last, like [0, 100]; they are "
                f"{list(exam.seeds)}"
            )
        if exam.seeds[1] > TRAINING:
            raise ConfigError(
                f"{name}.seeds = {list(exam.seeds)} reach those of games in training, from 2**48 on"
            )
        if exam.seeds[1] - exam.seeds[0] > MANY:
            raise ConfigError(f"{name}.seeds are more than {MANY:,}")
