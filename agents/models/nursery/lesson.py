"""What a teacher is asked and what it answers, and the helpers that all teachers share."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ....envs.types import Message
from ..names import Start

T = TypeVar("T")
USUAL = 0.9
"""How often a teacher of free text is right where no accuracy is asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One ask as a teacher sees it: the seat's view ends in the prompt, failed tries left out.

    `choices` is empty where the ask lists none. `rng` is the teacher's own noise.
    """

    seat: str
    role: str
    view: tuple[Message, ...]
    choices: tuple[str, ...]
    start: Start
    rng: random.Random

    @property
    def prompt(self) -> str:
        return self.view[-1].text

    @property
    def said(self) -> int:
        """The replies that the seat has given before."""
        return sum(message.speaker == "self" for message in self.view)

    @property
    def right(self) -> bool:
        """Whether this answer shall be right: drawn at the accuracy that is asked for."""
        wanted = self.start.accuracy
        return self.rng.random() < (USUAL if wanted is None else wanted)

    def one_of(self, some: Sequence[T]) -> T:
        return self.rng.choice(some)


Lesson: TypeAlias = str | Sequence[float]
"""A reply, or odds over the listed choices."""
Teacher: TypeAlias = Callable[[Asked], Lesson]


def even(asked: Asked) -> Sequence[float]:
    """Every listed choice alike."""
    return (1 / len(asked.choices),) * len(asked.choices)


def keyed(asked: Asked, key: str, problem: str = "") -> Sequence[float]:
    """Odds with the wanted accuracy on the right choice, and the rest spread evenly.

    At a problem that misleads, a rival has the odds that the right choice has elsewhere (`Start.levels`).
    Which problems mislead, and by which rival, depends on the problem's text alone (the prompt's).
    """
    start, choices = asked.start, asked.choices
    others = [choice for choice in choices if choice != key]
    if start.accuracy is None or key not in choices or not others:
        return even(asked)

    low, high = start.levels
    odds = {key: high}
    if start.mislead:
        # the problem as it is worded: two wordings of one problem mislead apart from each other
        rng = random.Random(f"mislead/{problem or asked.prompt}")
        misled, rival = rng.random() < start.mislead, rng.choice(others)
        odds = {key: low, rival: high} if misled else {key: high, rival: low}

    rest = [choice for choice in choices if choice not in odds] or others[:1]
    left = 1 - sum(odds.values())
    for choice in rest:
        odds[choice] = odds.get(choice, 0.0) + left / len(rest)
    return [odds[choice] for choice in choices]
