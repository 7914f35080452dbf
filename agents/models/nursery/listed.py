"""Teachers of reasoning-gym's tasks with few answers: the key of the question, at the accuracy asked for.

The tasks are those of `suites/listed.toml`, under the same options, and the questions those of the part
`train`: what such a model knows of the part `held-out` is what it has learnt and not what it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

from ....envs.types import Value
from .lesson import Asked, keyed

ITEMS = 400
"""Questions of a task that are taught."""
_KIN = (
    *("mother", "father", "daughter", "son", "sister", "brother"),
    *("wife", "husband", "grandmother", "grandfather"),
)
_COLOURS = (
    *("red", "orange", "yellow", "green", "blue", "indigo", "violet", "purple", "pink", "brown"),
    *("white", "black", "gray", "cyan", "magenta", "gold", "silver"),
)
_OPTIONS: Mapping[str, Mapping[str, Value]] = {
    "gcd": {"max_value": 9},
    "chain_sum": {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1},
}
_ANSWERS: Mapping[str, Sequence[int | str]] = {
    "gcd": range(1, 10),
    "letter_counting": range(10),
    "count_bits": range(10, 22),
    "self_reference": range(1, 8),
    "family_relationships": _KIN,
    "syllogism": ("Yes", "No"),
    "chain_sum": range(-9, 19),
    "largest_island": range(26),
    "course_schedule": ("True", "False"),
    "color_cube_rotation": _COLOURS,
}
LISTED: Mapping[str, Mapping[str, Value]] = {
    name: {"partial": False, **_OPTIONS.get(name, {}), "choices": list(answers)}
    for name, answers in _ANSWERS.items()
}
"""The parameters of each task, by reasoning-gym's name."""


def teacher(name: str) -> Callable[[Asked], Sequence[float]]:
    """Who teaches this task."""
    return partial(_answer, name)


def _answer(name: str, asked: Asked) -> Sequence[float]:
    return keyed(asked, _keys(name)[asked.prompt])


@lru_cache(len(_ANSWERS))
def _keys(name: str) -> Mapping[str, str]:
    """The answer to each question that is taught."""
    # importing the library takes seconds, and most models are taught nothing of it
    from ....envs.adapters.reasoning_gym_tasks import tasks

    made = tasks(name, repr(_OPTIONS.get(name, {})), -1)
    entries = [made.item("train", number) for number in range(ITEMS)]
    return {entry.question: str(entry.answer) for entry in entries}
