"""Small functions to write, each with its reference: shared by the games about code to a specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .parse import Illegal
from .proposals import answer
from .types import Value
from .values import canonical


@dataclass(frozen=True)
class Spec:
    """What f must do, the reference that does it, and inputs that tell most faulty versions apart."""

    text: str
    kind: str
    reference: str
    hidden: tuple[Value, ...]


NUMBERS = "a list of up to 20 integers from −1000 to 1000"
TEXT = "a string of up to 40 characters from a–z, A–Z and space"
LISTS: tuple[Value, ...] = ([], [0], [5, 5], [3, 1, 2], [-1, -1, 2, 2, 2], [9, -9, 9, 8], [1, 2, 2, 1])
TEXTS: tuple[Value, ...] = ("", "a", "Aa", "abc cba", "on and on", "  two  gaps ", "Eve owns an oak")
SPECS = (
    Spec(
        "the second largest distinct number of the list, or None where there is none",
        NUMBERS,
        "def f(x):\n    y = sorted(set(x))\n    return y[-2] if len(y) > 1 else None",
        LISTS,
    ),
    Spec(
        "the length of the longest run of equal neighbours in the list (0 for an empty list)",
        NUMBERS,
        "from itertools import groupby\ndef f(x):\n"
        "    return max((len(list(g)) for _, g in groupby(x)), default=0)",
        LISTS,
    ),
    Spec(
        "the sum of the numbers at even positions (0, 2, …) minus the sum of the others",
        NUMBERS,
        "def f(x):\n    return sum(x[::2]) - sum(x[1::2])",
        LISTS,
    ),
    Spec(
        "the numbers of the list in order of first appearance, each once",
        NUMBERS,
        "def f(x):\n    return list(dict.fromkeys(x))",
        LISTS,
    ),
    Spec(
        "whether the text reads the same backwards, ignoring case and spaces",
        TEXT,
        "def f(x):\n    y = x.lower().replace(' ', '')\n    return y == y[::-1]",
        TEXTS,
    ),
    Spec(
        "how many words of the text, split at spaces, start with a vowel (a, e, i, o, u, in either case)",
        TEXT,
        "def f(x):\n    return sum(w[0].lower() in 'aeiou' for w in x.split())",
        TEXTS,
    ),
)


def legal_input(kind: str) -> Callable[[str], Value]:
    """A parser for an input of this kind. Raises Illegal for one that the specification excludes."""

    def parse(text: str) -> Value:
        return checked(kind, answer(text).value)

    return parse


def checked(kind: str, x: Value) -> Value:
    """The input itself, if it is of this kind. Raises Illegal."""
    if not (_numbers(x) if kind == NUMBERS else _text(x)):
        raise Illegal(f"x must be {kind}, not {canonical(x)[:60]}")
    return x


def _numbers(x: Value) -> bool:
    return type(x) is list and len(x) <= 20 and all(type(i) is int and abs(i) <= 1000 for i in x)


def _text(x: Value) -> bool:
    return type(x) is str and len(x) <= 40 and all(c == " " or (c.isascii() and c.isalpha()) for c in x)
