"""Answers in words and numbers: when two are the same, and what most of several say."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ..parse import Illegal, tagged

LONGEST = 120
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{1,30})?|\.\d{1,30})(e[+-]?\d{1,3})?")
_LATEX = re.compile(r"\\d?frac\{([^{}]+)\}\{([^{}]+)\}")


def said(text: str) -> str:
    """What stands in <answer>…</answer>, or the whole reply without it: one line of at most 120 characters.

    One line, so that no answer can write further lines into the prompt of a judge or a critic.
    """
    found = " ".join((tagged(text, "answer") if "<answer>" in text else text).split())
    if not 1 <= len(found) <= LONGEST:
        raise Illegal(f"an answer of 1 to {LONGEST} characters was expected, {len(found)} came")
    return found


@lru_cache(4096)
def number(text: str) -> Fraction | float | None:
    """The number that the text writes (1,200 · 3/4 · 75% · −2e3 · \\frac{3}{4} · nan · inf), or None."""
    bare = (
        _LATEX.sub(r"\1/\2", text.strip().rstrip("."))
        .replace("−", "-")
        .replace("$", "")
        .replace(" ", "")
    )
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", bare):
        bare = bare.replace(",", "")
    if bare.casefold().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(bare)
    scale = Fraction(1, 100) if bare.endswith("%") else Fraction(1)
    parts = bare.removesuffix("%").casefold().split("/")
    if len(parts) > 2 or not all(map(_NUMBER.fullmatch, parts)):
        return None
    over = Fraction(parts[1]) if len(parts) == 2 else Fraction(1)
    return Fraction(parts[0]) / over * scale if over else None


def same_answer(a: str, b: str, tolerance: float = 0.0) -> bool:
    """Whether two answers are the same: as numbers, as sets {…}, or as text without case and spaces.

    Numbers agree within `tolerance`, absolutely or relative to the larger; NaN agrees with NaN.
    """
    x, y = number(a), number(b)
    if x is not None and y is not None:
        if isinstance(x, float) or isinstance(y, float):
            return x == y or (x != x and y != y)
        return abs(x - y) <= Fraction(tolerance) * max(1, abs(x), abs(y))
    mine, theirs = _members(a), _members(b)
    if mine is not None and theirs is not None:
        return _within(mine, theirs, tolerance) and _within(theirs, mine, tolerance)
    return x is None and y is None and _bare(a) == _bare(b)


def _within(some: set[str], others: set[str], tolerance: float) -> bool:
    """Whether each of these is the same as one of the others."""
    return all(any(same_answer(one, other, tolerance) for other in others) for one in some)


def _members(text: str) -> set[str] | None:
    bare = text.strip()
    if not (bare.startswith("{") and bare.endswith("}")) or "{" in bare[1:]:
        return None
    return {_bare(member) for member in bare[1:-1].split(",") if member.strip()}


def _bare(text: str) -> str:
    words = re.sub(r"[^\w\s./%+-]", "", text.casefold().strip().rstrip(".")).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] in ("a", "an", "the") else words)


@dataclass(frozen=True, slots=True)
class Vote:
    """What most of several answers say: `label` (None without answers), and which ones agree with it."""

    label: str | None
    agree: tuple[bool, ...]

    @property
    def count(self) -> int:
        return sum(self.agree)

    @property
    def share(self) -> float:
        """Agreeing answers over all, those that gave none included."""
        return self.count / len(self.agree) if self.agree else math.nan


def vote(answers: Sequence[str | None], tolerance: float = 0.0) -> Vote:
    """The majority of the answers given (None: gave none); the earliest of equally frequent ones."""
    best: Vote | None = None
    for label in dict.fromkeys(answers):
        if label is None:
            continue
        agree = tuple(
            other is not None and same_answer(label, other, tolerance) for other in answers
        )
        if best is None or sum(agree) > best.count:
            best = Vote(label, agree)
    return best or Vote(None, (False,) * len(answers))


def similar(a: str, b: str, share: float = 0.7) -> bool:
    """Whether two texts have at least this share of their words in common, in order."""
    one, two = re.findall(r"\w+", a.casefold()), re.findall(r"\w+", b.casefold())
    return difflib.SequenceMatcher(None, one, two, autojunk=False).ratio() >= share
