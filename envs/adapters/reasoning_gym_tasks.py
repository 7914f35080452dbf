"""Items of reasoning-gym's datasets, and scores of answers, kept from reaching into anything else."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import math
import re
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..registry import GameError
from ..tasks.items import belongs
from ..types import Value
from ..values import check
from .extras import load

STRIDE = 64
"""Seeds that belong to one item of a part; the first whose question is of the part gives the item."""
LONGEST = 32_000
"""Characters of an answer that are scored."""

_WORDS = re.compile(r"[\w\s]*")
# `* *` is no power to Python, and one to sympy.
_SUM = re.compile(r"(?:[0-9+\-/()\s]|\*(?!\s*\*))*")
# Letters alone, no power of a bracket, no division by one: what computer algebra does with it is bounded.
_POLYNOMIAL = re.compile(
    r"(?:(?<![)\s])\*\*\s?\d{1,2}(?!\d|\s*\*\s*\*)|/\s?\d{1,12}(?!\d)|\d{1,12}(?:\.\d{1,12})?(?![\d.])"
    r"|[a-zXC](?![a-zA-Z0-9_])|[+\-()\s]|\*(?!\s*\*))*"
)
_COMPLEX = re.compile(r"[0-9+\-.ij\s*()]*")
_RATIO = re.compile(r"[0-9+\-./,\s]*")


def _literal(text: str) -> bool:
    """Whether the text is a literal, or words: Python can evaluate it without calling anything."""
    if _WORDS.fullmatch(text):
        return True
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _matches(pattern: re.Pattern[str], longest: int) -> Callable[[str], bool]:
    return lambda text: len(text) <= longest and pattern.fullmatch(text) is not None


SAFE: Mapping[str, Callable[[str], bool]] = {
    **dict.fromkeys(("binary_matrix", "n_queens", "spiral_matrix", "string_insertion"), _literal),
    **dict.fromkeys(("countdown", "puzzle24"), _matches(_SUM, 200)),
    "polynomial_multiplication": _matches(_POLYNOMIAL, 4_000),
    "simple_integration": _matches(_POLYNOMIAL, 400),
    "coin_flip": _matches(_RATIO, 100),
    "complex_arithmetic": _matches(_COMPLEX, 100),
}
"""Which answers a task's own score may see; any other is wrong.

The first eight evaluate an answer as Python, which would run any code in it. coin_flip computes 1e999999999
in full; complex_arithmetic finds `nan` right for every question.
"""


class _Letters(set[str]):
    """A set in the order of the alphabet, as is what is left of it: a plain one's order is the process's."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__()))

    def __sub__(self, other: Set[object]) -> set[str]:
        return _Letters(super().__sub__(other))


def _alphabet(dataset: Any) -> None:
    dataset.letters = _Letters(dataset.letters)


def _monomials(dataset: Any) -> None:
    drawn = dataset._get_monomials
    dataset._get_monomials = lambda rng: sorted(drawn(rng), key=str)


_SETTLED: Mapping[str, Callable[[Any], None]] = {
    **dict.fromkeys(("isomorphic_strings", "ransom_note"), _alphabet),
    "polynomial_multiplication": _monomials,
}
"""Tasks that draw from a set, whose order hangs on the process's hash seed: here from a sorted one.

Without it an item would be another question in another process."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One question as its dataset gives it; `answer` is one of the right ones, or None where none is told."""

    question: str
    answer: str | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)


class Tasks:
    """The questions that one dataset makes under one set of options, and their scores."""

    def __init__(self, name: str, options: Mapping[str, Value], level: int) -> None:
        """Raises ValueError with reasoning-gym's reason for options that it refuses."""
        self.name = name
        self._options = options
        self._level = level
        # One dataset scores the questions of all: a dataset may hold megabytes, an entry does not.
        self._scorer, _ = self._made(0)

    def item(self, part: str, number: int) -> Entry:
        """The item of this number. Raises GameError where the task has no question of the part."""
        if part == "all":
            return self._made(number)[1]

        # Items of one part draw from seeds of their own, so that none depends on another.
        for seed in range(number * STRIDE, (number + 1) * STRIDE):
            _, entry = self._made(seed)
            if belongs(entry.question, part):
                return entry
        raise GameError(
            f"reasoning-gym/{self.name}: none of {STRIDE} questions is of the part {part!r}; "
            "the task asks too few different ones: give it a higher level, or part='all'"
        )

    def score(self, entry: Entry, text: str) -> float:
        """What the dataset pays for an answer, from 0 to 1; a text that it breaks on is wrong."""
        if len(text) > LONGEST or not SAFE.get(self.name, bool)(text):
            return 0.0
        try:
            with _inside(0):
                score = float(self._scorer.score_answer(text, entry.raw))
        except Exception:
            return 0.0
        return min(1.0, max(0.0, score)) if math.isfinite(score) else 0.0

    def _made(self, seed: int) -> tuple[Any, Entry]:
        try:
            with _inside(seed):
                dataset = self._dataset(seed)
                _SETTLED.get(self.name, bool)(dataset)
                raw = dataset[0]
        except Exception as fault:  # whatever it is, it is the reason to give
            said = " ".join(str(fault).split())[:200] or "it gives no reason"
            raise ValueError(
                f"reasoning-gym refuses {self.name} ({type(fault).__name__}: {said})"
            ) from fault
        return dataset, Entry(str(raw["question"]), raw["answer"], raw)

    def _dataset(self, seed: int) -> Any:
        factory = load("reasoning_gym.factory", "reasoning-gym")
        # A dataset of one: item i of seed s is item 0 of seed s + i in most of them, so that
        # numbers beside seeds would ask the same questions again.
        fixed = {"seed": seed, "size": 1}
        if self._level < 0:
            return factory.create_dataset(self.name, **fixed, **self._options)

        curriculum = factory.create_curriculum(self.name)
        curriculum.set_global_level(self._level)
        settings = curriculum.generate_configuration(fixed)
        # What the user names wins over what the level says.
        kind = factory.DATASETS[self.name][0]
        return kind(config=dataclasses.replace(settings, **self._options))


@contextlib.contextmanager
def _inside(seed: int) -> Generator[None]:
    """reasoning-gym at work: with dice of this seed, and with nowhere to print."""
    from .dice import Dice  # it needs numpy, which a list of names does not

    with Dice(seed).lent(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@lru_cache(64)
def tasks(name: str, options: str, level: int) -> Tasks:
    """The tasks of a dataset; `options` is the literal of a mapping. Raises ValueError."""
    return Tasks(name, ast.literal_eval(options), level)


@lru_cache(1024)
def item(name: str, options: str, level: int, part: str, number: int) -> Entry:
    """One item, made once: the attempts at a task share it."""
    return tasks(name, options, level).item(part, number)


def options_of(form: Any) -> dict[str, Value]:
    """The options of a dataset's configuration that are plain values, with their defaults."""
    found: dict[str, Value] = {}
    for each in dataclasses.fields(form):
        if each.name in ("seed", "size"):
            continue
        made: Any = each.default
        if made is dataclasses.MISSING and each.default_factory is not dataclasses.MISSING:
            made = each.default_factory()
        # Options that are no plain values stay as reasoning-gym sets them.
        with contextlib.suppress(ValueError):
            found[each.name] = check(made)
    return found


def levels(name: str) -> int:
    """How many levels the dataset's curriculum has; 0 where it has none."""
    factory = load("reasoning_gym.factory", "reasoning-gym")
    if not factory.has_curriculum(name):
        return 0
    return max(len(each.levels) for each in factory.create_curriculum(name).attributes.values())
