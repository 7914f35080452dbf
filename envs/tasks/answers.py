"""Answers in words and numbers: when two are the same, and what most of several say.

Two answers are the same where they write the same number, the same set or sequence of such
answers, or the same words. No symbol is dropped: x<3 is not x>3, and n! is not n. Formulas are
compared as they are written: computer algebra has no bound on its time
(https://github.com/huggingface/Math-Verify needs signals to stop it, which only the main thread
can take), and answers are read in the process that drives the games.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ..parse import Illegal, answered

LONGEST = 120
"""Characters of an answer."""

_PLAIN = r"(?:\d{1,30}(?:\.\d{1,30})?|\.\d{1,30}|\d{1,3}(?:,\d{3}){1,9}(?:\.\d{1,30})?)(?:e[+-]?\d{1,3})?"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?) ?\$?(?P<over>{_PLAIN})(?: ?/ ?(?P<under>[+-]?{_PLAIN}))?(?P<share> ?\\?%)?"
)
_MIXED = re.compile(
    r"(?P<sign>[+-]?) ?(?P<whole>\d{1,30}) (?P<over>\d{1,30}) ?/ ?(?P<under>\d{1,30})"
)
_LATEX = re.compile(
    r"(?P<sign>[+-]?) ?(?P<whole>\d{0,30}) ?\\[dt]?frac ?"
    rf"(?:\{{ ?(?P<over>[+-]?{_PLAIN}) ?\}}|(?P<o>\d)) ?(?:\{{ ?(?P<under>[+-]?{_PLAIN}) ?\}}|(?P<u>\d))"
)
_VULGAR = re.compile(r"(?P<sign>[+-]?) ?(?P<whole>\d{0,30}) ?(?P<char>[¼½¾⅐-⅞↉])")
_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("“", "”"), ("**", "**"), ("$", "$"), (r"\(", r"\)"))
_ARTICLES = ("a ", "an ", "the ")


def said(text: str) -> str:
    """What stands in <answer>…</answer>, or the whole reply without it: one line of at most 120 characters.

    One line, so that no answer can write further lines into the prompt of a judge or a critic.
    """
    found = " ".join(answered(text).split())
    if not 1 <= len(found) <= LONGEST:
        raise Illegal(f"an answer of 1 to {LONGEST} characters was expected, {len(found)} came")
    return found


def same_answer(a: str, b: str) -> bool:
    """Whether two answers mean the same: as numbers, sets {…}, sequences (…) […], or words.

    Sets are unordered and brackets count: (1, 2) is neither [1, 2] nor (2, 1). Words are compared
    without case, a leading article and a final full stop. NaN agrees with NaN.
    """
    if a == b:
        return True
    # Longer texts are no answers of ours, and reading them would fill the cache.
    return max(len(a), len(b)) <= 2 * LONGEST and meaning(a) == meaning(b)


@lru_cache(4096)
def meaning(text: str) -> Hashable:
    """What an answer says, as a value that equals that of every other way to write it."""
    return _meaning(_plain(text), depth=8)


def _meaning(text: str, depth: int) -> Hashable:
    text = _unquoted(text)
    if (value := number(text)) is not None:
        # NaN is not equal to itself, so a word stands for it.
        return "nan" if value != value else value

    # Depth is bounded: brackets nested deeper are compared as words.
    listed = _listed(text) if depth else None
    if listed is None:
        return _words(text)

    brackets, members = listed
    inner = [_meaning(member, depth - 1) for member in members]
    if brackets == "{}":
        return frozenset(inner)
    # Parentheses around one answer only group it: (3) is 3.
    if brackets == "()" and len(inner) == 1:
        return inner[0]
    return (brackets, *inner)


def _plain(text: str) -> str:
    """One line of composed characters, with one sign each for minus and division, and bare braces."""
    said = " ".join(unicodedata.normalize("NFC", text).split())
    for written, meant in (("−", "-"), ("⁄", "/"), (r"\{", "{"), (r"\}", "}")):
        said = said.replace(written, meant)
    return said.rstrip(".") or said


def _unquoted(text: str) -> str:
    """The text without one pair of quotation marks, stars or LaTeX delimiters around all of it."""
    text = text.strip()
    for opening, closing in _QUOTES:
        inner = text[len(opening) : -len(closing)]
        whole = text.startswith(opening) and text.endswith(closing)
        # A closing sign inside means that the outer two are no pair: "a" and "b".
        if whole and inner.strip() and closing not in inner:
            return inner.strip()
    return text


@lru_cache(4096)
def number(text: str) -> Fraction | float | None:
    """The number that the text writes, or None: 1,200 · 3/4 · 1 1/2 · 75% · 2e3 · \\frac{3}{4} ·
    ½ · nan.
    """
    if text.casefold().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(text)
    # fullmatch alone: a number inside other words is no number.
    for form in (_NUMBER, _MIXED, _LATEX, _VULGAR):
        if found := form.fullmatch(text.casefold()):
            return _value(found.groupdict())
    return None


def _value(parts: dict[str, str | None]) -> Fraction | None:
    """The number in the parts of a match; None for a division by zero."""
    if char := parts.get("char"):
        # NFKC writes ½ as 1⁄2, with the fraction slash.
        over, under = unicodedata.normalize("NFKC", char).split("⁄")
    else:
        over = parts.get("over") or parts.get("o") or "0"
        under = parts.get("under") or parts.get("u") or "1"

    below = Fraction(under.replace(",", ""))
    if not below:
        return None

    # The sign belongs to the whole number and its fraction together: −1 1/2 is −1.5.
    value = Fraction(parts.get("whole") or 0) + Fraction(over.replace(",", "")) / below
    return (-value if parts["sign"] == "-" else value) / (100 if parts.get("share") else 1)


def _listed(text: str) -> tuple[str, list[str]] | None:
    """The brackets around a list ("" for none) and what stands between its commas, or None for no list."""
    brackets = (
        text[0] + text[-1] if len(text) > 1 and text[0] in "([{" and text[-1] in ")]}" else ""
    )
    inner = text[1:-1] if brackets else text

    # Commas inside brackets belong to the members.
    found, depth, start = list[str](), 0, 0
    for place, char in enumerate(inner):
        depth += (char in "([{") - (char in ")]}")
        # A bracket closes that was never opened, as in `1) and (2`: the outer two are no
        # pair.
        if depth < 0:
            return None
        if char == "," and not depth:
            found.append(inner[start:place])
            start = place + 1

    found.append(inner[start:])
    if depth or not (brackets or len(found) > 1):
        return None
    return brackets, [member.strip() for member in found] if inner.strip() else []


def _words(text: str) -> str:
    """Words and symbols without case, and without the spaces around symbols."""
    bare = unicodedata.normalize("NFC", re.sub(r" ?([^\w\s]) ?", r"\1", text.casefold()))
    for article in _ARTICLES:
        # An article alone is the answer itself.
        bare = bare.removeprefix(article) or bare
    return bare


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


def vote(answers: Sequence[str | None]) -> Vote:
    """The majority of the answers given (None: gave none).

    Of equally frequent ones the earliest with a letter or digit: symbols alone do not win by being first.
    """
    best: Vote | None = None
    for label in sorted(dict.fromkeys(a for a in answers if a is not None), key=_symbols_alone):
        agree = tuple(other is not None and same_answer(label, other) for other in answers)
        # Strictly more, so that the earlier of equals stays.
        if best is None or sum(agree) > best.count:
            best = Vote(label, agree)
    return best or Vote(None, (False,) * len(answers))


def _symbols_alone(text: str) -> bool:
    return not any(char.isalnum() for char in text)
