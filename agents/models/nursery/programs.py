"""A small language of operators on integers and lists, with a graded difficulty: random programs and inputs.

The difficulty of a program is the number of its operators. Numbers are small and lists short, so that a model
of half a million weights can learn what one operator does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ....envs.types import Value
from . import trusted

LEVELS = (0.5, 0.25, 0.15, 0.1)
"""How often a program has one operator, two, three, four."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What takes a value of one kind to another; `{}` stands for its argument and `k` for a digit."""

    text: str
    words: str
    takes: str
    gives: str


OPERATORS = (
    Operator("{} + k", "add k", "int", "int"),
    Operator("{} - k", "take k away", "int", "int"),
    Operator("{} * k", "times k", "int", "int"),
    Operator("sum({})", "the sum", "list", "int"),
    Operator("max({})", "the largest", "list", "int"),
    Operator("min({})", "the smallest", "list", "int"),
    Operator("len({})", "how many", "list", "int"),
    Operator("{}[0]", "the first", "list", "int"),
    Operator("{}[-1]", "the last", "list", "int"),
    Operator("sorted({})", "in order", "list", "list"),
    Operator("{}[::-1]", "turned round", "list", "list"),
    Operator("[{}]", "as a list", "int", "list"),
)
_SUMS, _TIMES = OPERATORS[:2], OPERATORS[2]


@dataclass(frozen=True, slots=True)
class Sketch:
    """A program before it is written out: the kind of its input, and its operators with their digits."""

    kind: str
    steps: tuple[tuple[Operator, int], ...]

    @property
    def expression(self) -> str:
        text, before = "x", None
        for operator, digit in self.steps:
            inner = f"({text})" if operator is _TIMES and before in _SUMS else text
            text = operator.text.replace("k", str(digit)).replace("{}", inner)
            before = operator
        return text

    @property
    def words(self) -> str:
        """What it does, in words that a program can be written from."""
        return ", then ".join(o.words.replace("k", str(digit)) for o, digit in self.steps)

    @property
    def source(self) -> str:
        return f"def f(x):\n    return {self.expression}"

    def given(self, rng: random.Random) -> Value:
        """An input of its kind."""
        return rng.randint(0, 9) if self.kind == "int" else digits(rng)


def digits(rng: random.Random) -> Value:
    """A list of two to four digits."""
    return [rng.randint(0, 9) for _ in range(rng.randint(2, 4))]


def sketch(rng: random.Random, levels: Sequence[float] = LEVELS) -> Sketch:
    """A random program; `levels` weigh how many operators it has."""
    (count,) = rng.choices(range(1, len(levels) + 1), levels)
    kind = held = rng.choice(("int", "list", "list"))
    steps: list[tuple[Operator, int]] = []
    while len(steps) < count:
        known = [o for o in OPERATORS if o.takes == held]
        # a product of a sum needs parentheses, whose beginning a small model does not foresee
        if steps and steps[-1][0] in _SUMS:
            known.remove(_TIMES)
        operator = rng.choice(known)
        held = operator.gives
        steps.append((operator, rng.randint(1, 9)))
    return Sketch(kind, tuple(steps))


def from_words(words: str) -> str | None:
    """The source of the program that `Sketch.words` describes, or None for other words."""
    steps: list[tuple[Operator, int]] = []
    for part in words.split(", then "):
        digit = next(iter(re.findall(r"\d", part)), "1")
        plain = re.sub(r"\d", "k", part)
        found = next((o for o in OPERATORS if o.words == plain), None)
        if not found:
            return None
        steps.append((found, int(digit)))
    return Sketch(steps[0][0].takes, tuple(steps)).source


def to_words(source: str) -> str:
    """What a program of one or two operators does, in words; of any other only that it is one."""
    return _short_programs().get(source, "a program")


@lru_cache
def _short_programs() -> dict[str, str]:
    """The words of every program of one or two operators, by source."""
    one = [(o, k) for o in OPERATORS for k in (range(1, 10) if "k" in o.text else (1,))]
    two = [(a, b) for a in one for b in one if a[0].gives == b[0].takes]
    made = [Sketch(steps[0][0].takes, steps) for steps in (*((a,) for a in one), *two)]
    return {sketch.source: sketch.words for sketch in made}


def result(source: str, given: Sequence[Value], entry: str = "f") -> Value:
    """What a teacher's program gives; None where it fails."""
    try:
        return trusted.value(source, given, entry)
    except Exception:  # a teacher's mistake may be a program that fails
        return None


def solve(source: str, wanted: Value, rng: random.Random, entry: str = "f") -> Value:
    """An input for which the program gives the value, by trying; any input where none is found in time."""
    numbers: list[Value] = list(rng.sample(_NUMBERS, len(_NUMBERS)))
    tries = [*numbers, *(digits(rng) for _ in range(_LISTS))]
    found = (given for given in tries if result(source, [given], entry) == wanted)
    return next(found, tries[-1])


_NUMBERS = range(-9, 40)
_LISTS = 60


def near(value: Value, rng: random.Random) -> Value:
    """Another value that a beginner might give instead of this one."""
    if type(value) is int:
        return value + rng.choice((-2, -1, 1, 2))
    if type(value) is list and value:
        place = rng.randrange(len(value))
        return [*value[:place], near(value[place], rng), *value[place + 1 :]]
    if type(value) is bool:
        return not value
    if type(value) is str:
        return value[:-1] if value else "a"
    return 0
