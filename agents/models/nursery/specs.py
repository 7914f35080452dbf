"""Teachers of the games about functions to a specification: writers, testers, attackers."""

from __future__ import annotations

import random
import re

from ....envs.tasks.specs import NUMBERS, SPECS, Spec
from ....envs.types import Value
from ....envs.values import canonical
from .code import fenced
from .lesson import Asked
from .programs import near, result

_FAULTY = (
    "def f(x):\n    return x",
    "def f(x):\n    return None",
    "def f(x):\n    return len(x)",
    "def f(x):\n    return x[0]",
    "def f(x):\n    return x[::-1]",
)
_LETTERS = "aabcdeeAE "
_WORDS = ("on", "and", "Eve", "owns", "an", "oak", "abc", "cba", "a", "Aa")


def write(asked: Asked) -> str:
    """Writes the reference, or a faulty function; looks at its own again and writes what is right."""
    spec = _spec(asked)
    return fenced(spec.reference if asked.right else faulty(spec, asked.rng))


def verify(asked: Asked) -> str:
    """As a solver writes the function; as a verifier tests it with drawn inputs."""
    if asked.role == "solver":
        return write(asked)
    spec, found = _spec(asked), re.search(r"Write (\d+) different tests", asked.prompt)
    lines: dict[str, str] = {}
    for _ in range(int(found[1]) if found else 3):
        x = drawn(spec, asked.rng)
        value = result(spec.reference, [x])
        lines[canonical(x)] = canonical(value if asked.right else near(value, asked.rng))
    listed = "\n".join(f"{x} => {value}" for x, value in lines.items())
    return f"<tests>\n{listed}\n</tests>"


def attack(asked: Asked) -> str:
    """As a defender writes the function; as an attacker tries inputs that tell versions apart."""
    if asked.role == "defender":
        return write(asked)
    spec = _spec(asked)
    known = asked.one_of(spec.hidden)
    return f"<answer>{canonical(known if asked.right else drawn(spec, asked.rng))}</answer>"


def _spec(asked: Asked) -> Spec:
    # the specification may stand in an earlier prompt
    said = " ".join(message.text for message in asked.view)
    return next(spec for spec in SPECS if spec.text in said)


def faulty(spec: Spec, rng: random.Random) -> str:
    """The reference without its edge cases, or a function for something else."""
    edge = spec.reference.replace(" if len(y) > 1 else None", "").replace(", default=0", "")
    edge = edge.replace(" if x else -1", "").replace(" if y else None", "")
    return edge if edge != spec.reference and rng.random() < 0.5 else rng.choice(_FAULTY)


def drawn(spec: Spec, rng: random.Random) -> Value:
    """An input of the specification's kind."""
    if rng.random() < 0.3:
        return rng.choice(spec.hidden)
    if spec.kind == NUMBERS:
        return [rng.randint(-9, 9) for _ in range(rng.randint(0, 5))]
    if rng.random() < 0.5:
        return " ".join(rng.choices(_WORDS, k=rng.randint(1, 4)))
    return "".join(rng.choices(_LETTERS, k=rng.randint(0, 6)))
