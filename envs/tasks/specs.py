"""Small functions to write, each with its reference: shared by the games about code to a specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..parse import Illegal
from ..types import Value
from ..values import canonical
from .programs import answer


@dataclass(frozen=True)
class Spec:
    """What f must do, the reference that does it, and inputs that tell most faulty versions apart."""

    text: str
    kind: str
    reference: str
    hidden: tuple[Value, ...]


NUMBERS = "a list of up to 20 integers from −1000 to 1000"
TEXT = "a string of up to 40 characters from a–z, A–Z and space"
LISTS: tuple[Value, ...] = (
    [],
    [0],
    [5, 5],
    [3, 1, 2],
    [-1, -1, 2, 2, 2],
    [9, -9, 9, 8],
    [1, 2, 2, 1],
)
TEXTS: tuple[Value, ...] = (
    "",
    "a",
    "Aa",
    "abc cba",
    "on and on",
    "  two  gaps ",
    "Eve owns an oak",
)
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
        "the largest distance between two neighbours in the list (0 where there are no two)",
        NUMBERS,
        "def f(x):\n    return max((abs(a - b) for a, b in zip(x, x[1:])), default=0)",
        LISTS,
    ),
    Spec(
        "how many numbers of the list are greater than every number before them (the first one is)",
        NUMBERS,
        "def f(x):\n    return sum(all(a > b for b in x[:i]) for i, a in enumerate(x))",
        LISTS,
    ),
    Spec(
        "the list of running sums, in which each number is replaced by the sum of all up to and with it",
        NUMBERS,
        "from itertools import accumulate\ndef f(x):\n    return list(accumulate(x))",
        LISTS,
    ),
    Spec(
        "the median of the list, which is the lower of the middle two if there are two (None for no numbers)",
        NUMBERS,
        "def f(x):\n    y = sorted(x)\n    return y[(len(y) - 1) // 2] if y else None",
        LISTS,
    ),
    Spec(
        "the numbers sorted by distance from 0, the nearest first; of two equally far the negative first",
        NUMBERS,
        "def f(x):\n    return sorted(x, key=lambda n: (abs(n), n))",
        LISTS,
    ),
    Spec(
        "the number that occurs most often in the list, of several the smallest (None for an empty list)",
        NUMBERS,
        "def f(x):\n    return min(x, key=lambda n: (-x.count(n), n), default=None)",
        LISTS,
    ),
    Spec(
        "the largest sum of one or more numbers that stand next to each other (0 for an empty list)",
        NUMBERS,
        "def f(x):\n    best = so_far = None\n    for n in x:\n"
        "        so_far = n if so_far is None else max(n, so_far + n)\n"
        "        best = so_far if best is None else max(best, so_far)\n    return best or 0",
        (*LISTS, [-3, -2, -5], [4, -1, 3, -9, 2]),
    ),
    Spec(
        "the list with its first and its last number swapped (shorter ones than two as they are)",
        NUMBERS,
        "def f(x):\n    return x[-1:] + x[1:-1] + x[:1] if len(x) > 1 else x",
        LISTS,
    ),
    Spec(
        "how many pairs of two different positions in the list hold numbers that add up to 0",
        NUMBERS,
        "def f(x):\n    return sum(a + b == 0 for i, a in enumerate(x) for b in x[i + 1:])",
        (*LISTS, [0, 0, 0], [1, -1, -1]),
    ),
    Spec(
        "the products of the first and second number, the third and fourth, …; a last odd one is left out",
        NUMBERS,
        "def f(x):\n    return [a * b for a, b in zip(x[::2], x[1::2])]",
        LISTS,
    ),
    Spec(
        "the position of the smallest number, counted from 0, of several the first (-1 for an empty list)",
        NUMBERS,
        "def f(x):\n    return x.index(min(x)) if x else -1",
        LISTS,
    ),
    Spec(
        "whether no number of the list is less than the one before it",
        NUMBERS,
        "def f(x):\n    return x == sorted(x)",
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
    Spec(
        "the text with capital letters made small and small ones capital",
        TEXT,
        "def f(x):\n    return x.swapcase()",
        TEXTS,
    ),
    Spec(
        "the longest word of the text, split at spaces, of several the first ('' where there is none)",
        TEXT,
        "def f(x):\n    return max(x.split(), key=len, default='')",
        TEXTS,
    ),
    Spec(
        "how many different letters the text holds, where capital and small ones are the same",
        TEXT,
        "def f(x):\n    return len(set(x.lower()) - {' '})",
        TEXTS,
    ),
    Spec(
        "the words of the text, split at spaces, the last one first, joined by single spaces",
        TEXT,
        "def f(x):\n    return ' '.join(x.split()[::-1])",
        TEXTS,
    ),
    Spec(
        "the text in which each run of one character, spaces too, is cut to a single one",
        TEXT,
        "from itertools import groupby\ndef f(x):\n    return ''.join(c for c, _ in groupby(x))",
        (*TEXTS, "bookkeeper  AAa"),
    ),
    Spec(
        "the first letter that stands only once in the text; capital and small ones differ ('' for none)",
        TEXT,
        "def f(x):\n    return next((c for c in x if c != ' ' and x.count(c) == 1), '')",
        TEXTS,
    ),
    Spec(
        "the first letters of all words, split at spaces, as capitals, with nothing between them",
        TEXT,
        "def f(x):\n    return ''.join(w[0].upper() for w in x.split())",
        TEXTS,
    ),
    Spec(
        "how often a letter is followed at once by the same one, where capital and small ones are the same",
        TEXT,
        "def f(x):\n    y = x.lower()\n    return sum(a == b != ' ' for a, b in zip(y, y[1:]))",
        (*TEXTS, "bookkeeper  AAa"),
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
    # By exact type: True is an int to isinstance.
    return type(x) is list and len(x) <= 20 and all(type(i) is int and abs(i) <= 1000 for i in x)


def _text(x: Value) -> bool:
    return (
        type(x) is str
        and len(x) <= 40
        and all(c == " " or (c.isascii() and c.isalpha()) for c in x)
    )
