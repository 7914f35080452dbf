"""Break the code: one writes a function to a specification, the other looks for an input that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..gate import PROPOSAL_LIMITS, right
from ..parse import Illegal
from ..proposals import answer, called, fenced, program
from ..registry import game
from ..script import Script, ask, chance, note, verify
from ..types import Job, Value
from ..values import canonical


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
DEFEND = """\
Write a Python function f(x). x is {kind}. f(x) returns {text}.
An attacker will look for an x where your function is wrong. Answer with the function in this form:
```python
def f(x):
    return x
```"""
ATTACK = """\
This function f(x) should return {text}. x is {kind}.
{code}
Find an x for which it is wrong. Answer with x alone, in this form: <answer>{example}</answer>"""


def legal_input(kind: str) -> Callable[[str], Value]:
    """A parser for an input of this kind. Raises Illegal for one that the specification excludes."""

    def parse(text: str) -> Value:
        x = answer(text).value
        if not (_numbers(x) if kind == NUMBERS else _text(x)):
            raise Illegal(f"x must be {kind}, not {canonical(x)[:60]}")
        return x

    return parse


def _numbers(x: Value) -> bool:
    return type(x) is list and len(x) <= 20 and all(type(i) is int and abs(i) <= 1000 for i in x)


def _text(x: Value) -> bool:
    return type(x) is str and len(x) <= 40 and all(c == " " or (c.isascii() and c.isalpha()) for c in x)


@game(
    "break-the-code-v0",
    roles={"defender": 1, "attacker": 1},
    max_turns=lambda attempts=3: 1 + attempts,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
)
def break_the_code(attempts: int = 3) -> Script:
    """A defender writes a function to a specification; an attacker seeks an input that breaks it.

    Moves: the defender gives the source of f; the attacker, who sees it, gives up to `attempts` legal
    inputs, one at a time. Payoff: the attacker wins with the first input on which f and the reference
    differ (a crash, a timeout and a value that changes between processes differ), else the defender.
    Notes: proxy is whether f withstood the attacks, gold whether it is right on the hidden inputs.
    Source: attacker/defender self-play with execution as the referee.
    """
    spec = SPECS[(yield from chance((1,) * len(SPECS)))]
    code = yield from ask("defender", DEFEND.format(kind=spec.kind, text=spec.text), program)
    prompt = ATTACK.format(
        text=spec.text, kind=spec.kind, code=fenced(code), example=canonical(spec.hidden[3])
    )
    tests = tuple((x,) for x in spec.hidden)
    broken = False
    for _ in range(attempts):
        x = yield from ask("attacker", prompt, legal_input(spec.kind))
        wanted, given = yield from verify(*_jobs(spec.reference, code, ((x,),)))
        broken = not right(given, wanted.results[0].value)
        if broken:
            break
        prompt = (
            f"It is right there: {called((x,))} gives {canonical(given.results[0].value)}. Try another x."
        )
    wanted, given = yield from verify(*_jobs(spec.reference, code, tests))
    yield from note("proxy", not broken)
    yield from note("gold", right(given, *(result.value for result in wanted.results)))
    return {"defender": -1, "attacker": 1} if broken else {"defender": 1, "attacker": -1}


def _jobs(reference: str, code: str, inputs: tuple[tuple[Value, ...], ...]) -> tuple[Job, Job]:
    """The reference, and the defender's code twice with different hash seeds, on the same inputs."""
    return (
        Job(reference, "f", inputs, limits=PROPOSAL_LIMITS),
        Job(code, "f", inputs, repeat=2, limits=PROPOSAL_LIMITS),
    )
