"""What an experiment expects of its arms: `mirror < past`, `a - b > 0.2`, `a = b within 0.03`.

    SUM (< | >) SUM           one side lies below the other
    SUM = SUM within NUMBER   they differ by no more
    SUM                       TERM, then any number of `+ TERM` or `- TERM`
    TERM                      ARM, ARM:NUMBER (a named number), 0.5*ARM or a plain number

Words are set apart by spaces, so that names may hold hyphens.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ...envs.errors import SparringError, did_you_mean

State: TypeAlias = Literal["confirmed", "refuted", "undecided"]
MOST: Final = 1e12
"""A number in a file lies within this bound on either side."""
_FORM: Final = "like 'a < b', 'a - b > 0.2' or 'a = b within 0.03'"
_TERM: Final = re.compile(r"(?:(?P<factor>[\d.]+)\*)?(?P<arm>[A-Za-z][\w-]*)(?::(?P<number>\S+))?")


class ExperimentError(SparringError, ValueError):
    """An experiment's file that cannot be used, or a result that cannot be had."""


@dataclass(frozen=True, slots=True)
class Term:
    """A number of one arm, times a factor; without an arm the factor alone."""

    factor: float
    arm: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A comparison of two sums: the left lies below (<), above (>) or within `within` (=) of the right.

    The terms of the right side are in `terms` with their signs turned, so that the whole is compared to 0.
    """

    text: str
    terms: tuple[Term, ...]
    sign: str
    within: float = 0.0

    def difference(self, value: Callable[[str, str], float]) -> float:
        """Left minus right, where `value(arm, number)` is the number of an arm."""
        return sum(t.factor * (value(t.arm, t.number) if t.arm else 1.0) for t in self.terms)

    def state(self, low: float, high: float) -> State:
        """What an interval of the difference says."""
        if self.sign == "=":
            inside = -self.within < low and high < self.within
            outside = low > self.within or high < -self.within
            return "confirmed" if inside else "refuted" if outside else "undecided"
        below, above = high < 0, low > 0
        right, wrong = (below, above) if self.sign == "<" else (above, below)
        return "confirmed" if right else "refuted" if wrong else "undecided"


def expectation(text: str, arms: Sequence[str], numbers: Sequence[str]) -> Expectation:
    """Read one comparison. Raises ExperimentError for what is none, and for unknown arms and numbers."""
    words = text.split()
    signs = [place for place, word in enumerate(words) if word in ("<", ">", "=")]
    if len(signs) != 1:
        raise ExperimentError(f"expect {text!r}: expected one comparison, {_FORM}")
    (place,), within = signs, 0.0
    left, right, sign = words[:place], words[place + 1 :], words[place]

    if sign == "=":
        if len(right) < 3 or right[-2] != "within" or (bound := _real(right[-1])) is None:
            raise ExperimentError(f"expect {text!r}: = wants 'within NUMBER', {_FORM}")
        if bound <= 0:
            raise ExperimentError(
                f"expect {text!r}: within wants a number above 0, and has {bound:g}"
            )
        right, within = right[:-2], bound
    terms = [*_sum(left, 1.0, text), *_sum(right, -1.0, text)]
    _check(text, terms, arms, numbers)
    return Expectation(text, tuple(terms), sign, within)


def _sum(words: Sequence[str], factor: float, text: str) -> list[Term]:
    # a sum begins with a term, and goes on by pairs of a sign and a term
    signs, names = ["+", *words[1::2]], words[0::2]
    if len(signs) != len(names) or not set(signs) <= {"+", "-"}:
        raise ExperimentError(f"expect {text!r}: {' '.join(words)!r} is no sum, {_FORM}")
    return [
        _term(n, factor if s == "+" else -factor, text) for s, n in zip(signs, names, strict=True)
    ]


def _term(word: str, factor: float, text: str) -> Term:
    if (alone := _real(word)) is not None:
        return Term(factor * alone)
    found = _TERM.fullmatch(word)
    times = _real(found["factor"] or "1") if found else None
    if found is None or times is None:
        raise ExperimentError(
            f"expect {text!r}: {word!r} is neither an arm nor a number up to {MOST:g}, {_FORM}"
        )
    return Term(factor * times, found["arm"], found["number"] or "")


def _check(text: str, terms: Sequence[Term], arms: Sequence[str], numbers: Sequence[str]) -> None:
    for term in terms:
        if term.arm and term.arm not in arms:
            raise ExperimentError(
                f"expect {text!r}: no arm {term.arm!r}{did_you_mean(term.arm, arms)}"
            )
        if term.number and term.number not in numbers:
            hint = did_you_mean(term.number, numbers, "; [numbers] names them")
            raise ExperimentError(f"expect {text!r}: no number {term.number!r}{hint}")
    if not any(term.arm for term in terms):
        raise ExperimentError(f"expect {text!r} compares no arm")

    # what cancels out would be judged without a look at its arm
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for term in terms:
        weights[term.arm, term.number] += term.factor
    for (arm, _), weight in weights.items():
        if arm and abs(weight) < 1e-9:
            raise ExperimentError(f"expect {text!r}: {arm} cancels out, so nothing is said of it")


def _real(word: str) -> float | None:
    """The number of a word; None for one that no difference comes near, like inf."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if abs(value) <= MOST else None
