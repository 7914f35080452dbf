"""Calculations in steps, drawn at random: tasks whose every step has one right result."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

SIGNS = {"add": "+", "subtract": "−", "multiply by": "×", "divide, rounding down, by": "÷"}


@dataclass(frozen=True, slots=True)
class Chain:
    """A start and what is done to it, step by step: (one of SIGNS, operand)."""

    start: int
    steps: tuple[tuple[str, int], ...]

    @property
    def task(self) -> str:
        """The calculation in words, without any result."""
        return (
            ", then ".join([f"Start with {self.start}", *(f"{kind} {n}" for kind, n in self.steps)])
            + "."
        )

    @property
    def results(self) -> list[int]:
        """The right result of every step."""
        # Floor division, as the task says: it rounds down for negative numbers too.
        rules = {"+": int.__add__, "−": int.__sub__, "×": int.__mul__, "÷": int.__floordiv__}
        found = [self.start]
        for kind, operand in self.steps:
            found.append(rules[SIGNS[kind]](found[-1], operand))
        return found[1:]

    def shown(self, results: Sequence[int]) -> str:
        """The calculation with these results, a step a line."""
        before = (self.start, *results)
        lines = [
            f"Step {i + 1}: {kind} {n}: {before[i]} {SIGNS[kind]} {n} = {results[i]}"
            for i, (kind, n) in enumerate(self.steps)
        ]
        return "\n".join([f"Start with {self.start}.", *lines])


def read(text: str) -> Chain | None:
    """The calculation that the text states as `Chain.task` does, or None."""
    start = re.search(r"Start with (\d+)", text)
    steps = re.findall(rf"({'|'.join(SIGNS)}) (\d+)(?=, then|\.)", text)
    return Chain(int(start[1]), tuple((kind, int(n)) for kind, n in steps)) if start else None


def drawn(rng: random.Random, steps: int) -> Chain:
    """A calculation of this many steps with small numbers."""
    return Chain(rng.randint(2, 12), tuple(_step(rng) for _ in range(steps)))


def _step(rng: random.Random) -> tuple[str, int]:
    kind = rng.choice(list(SIGNS))
    # Small factors keep long chains in numbers that can be worked out; from 2, so every
    # step changes something.
    return kind, rng.randint(2, 5) if kind.startswith(("m", "d")) else rng.randint(2, 30)
