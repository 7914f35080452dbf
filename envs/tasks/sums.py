"""Sums modulo a number: small fixed sets of problems whose key is known, for the laboratory games."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from operator import add, mul, sub

from ..registry import ParameterError

LEVELS = (1, 8)
"""The lowest and the highest level; sums of level L are modulo 4L."""
PARTS = ("train", "held-out")
MOST = 100
"""Problems that a part holds at most."""
SIGNS = {"+": add, "-": sub, "*": mul}
KINDS = ("result", "operand", "operator")
"""What of a task is hidden: deduction, abduction, induction."""
MODULI = (4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Problem:
    """a + b modulo a number. It can be asked in two wordings, a + b and b + a."""

    a: int
    b: int
    modulus: int

    @property
    def key(self) -> str:
        """The right answer."""
        return str((self.a + self.b) % self.modulus)

    @property
    def choices(self) -> tuple[str, ...]:
        return residues(self.modulus)

    def shown(self, wording: int = 0) -> str:
        """The problem without its answer."""
        a, b = (self.b, self.a) if wording else (self.a, self.b)
        return f"{a} + {b} mod {self.modulus}"


@cache
def residues(modulus: int) -> tuple[str, ...]:
    """Every number that a sum modulo this can give."""
    return tuple(map(str, range(modulus)))


@cache
def problems(level: int, part: str) -> tuple[Problem, ...]:
    """The problems of a part, always the same ones: at most 100, and none of them in both parts.

    Both numbers of a problem differ, so its two wordings do.
    """
    modulus = 4 * level
    pairs = list(combinations(range(modulus), 2))
    # a generator of its own, keyed by the modulus: every process has the same problems
    random.Random(f"sums/{modulus}").shuffle(pairs)

    # cut before the limit applies, so that no problem is in both parts at any level
    half = len(pairs) // 2
    chosen = pairs[:half] if part == PARTS[0] else pairs[half:]
    return tuple(Problem(a, b, modulus) for a, b in chosen[:MOST])


@dataclass(frozen=True, slots=True)
class Task:
    """a ∘ b modulo a number, any part of which can be hidden."""

    a: int
    sign: str
    b: int
    modulus: int

    def __str__(self) -> str:
        return f"{self.a} {self.sign} {self.b} mod {self.modulus}"

    @property
    def result(self) -> int:
        return SIGNS[self.sign](self.a, self.b) % self.modulus

    def hiding(self, kind: str) -> tuple[str, tuple[str, ...]]:
        """What a solver is shown, and the answers that it may give."""
        b, end = self.b, f"mod {self.modulus} = {self.result}"
        if kind == "operator":
            return f"{self.a} ? {b} {end}", tuple(SIGNS)
        shown = f"{self} = ?" if kind == "result" else f"{self.a} {self.sign} ? {end}"
        return shown, residues(self.modulus)

    def fits(self, kind: str, answer: str) -> bool:
        """Whether the task is true with this answer in place of what is hidden; several may fit."""
        if kind == "result":
            return int(answer) == self.result
        # modulo a number several operands may give one result: each of them is right
        changed = {"sign": answer} if kind == "operator" else {"b": int(answer)}
        return replace(self, **changed).result == self.result


def _grid() -> tuple[Task, ...]:
    """Four tasks for each modulus and sign, always the same ones."""
    rng = random.Random("sums-propose")
    pairs = {m: [(a, b) for a in range(1, m) for b in range(1, m) if a != b] for m in MODULI}
    return tuple(
        Task(a, sign, b, m) for m in MODULI for sign in SIGNS for a, b in rng.sample(pairs[m], 4)
    )


GRID = {str(number): task for number, task in enumerate(_grid(), 1)}
"""The tasks that a proposer may pick, by number."""


def majority(answers: Sequence[str]) -> str | None:
    """What most answers say, the earliest of equally frequent ones; "" is no answer, None is no majority."""
    # most_common keeps the order of first appearance among equals
    counts = Counter(answer for answer in answers if answer)
    return counts.most_common(1)[0][0] if counts else None


def check_name(game: str, parameter: str, value: str, known: Sequence[str]) -> None:
    """Raises ParameterError, listing the names that are known, for any other."""
    if value not in known:
        raise ParameterError(f"{game}: no {parameter} {value!r}; there are: {', '.join(known)}")
