"""Teachers of the games about code: proposers of random programs, and solvers that work them out."""

from __future__ import annotations

import random
import re

from ....envs.parse import code_block
from ....envs.types import Value
from ....envs.values import canonical, read
from .lesson import Asked
from .programs import Sketch, from_words, near, result, sketch, solve, to_words

_CALL = re.compile(r"What does f\((.*)\) return\?")
_VALUE = re.compile(r"for which f returns (.*)\. Answer")
_SHORT = (0.7, 0.3)
"""How often a program has one operator, or two, where much else is written with it."""


def shelf(kind: str, rng: random.Random) -> Value:
    """A kept task, as a buffer would recall it."""
    drawn = sketch(rng)
    source = _puzzle(drawn, rng)[0] if kind == "programming-puzzle" else drawn.source
    return {"source": source, "input": (drawn.given(rng),), "solve_rate": 0.5}


def fenced(source: str) -> str:
    return f"```python\n{source}\n```"


def deduction(asked: Asked) -> str:
    """Proposes a random program with an input; works out what one returns."""
    rng = asked.rng
    if asked.role == "proposer":
        drawn = sketch(rng)
        return fenced(f"{drawn.source}\n\nf({canonical(drawn.given(rng))})")

    found = _CALL.search(asked.prompt)
    given = read(f"[{found[1]}]") if found else []
    value = result(code_block(asked.prompt), given if isinstance(given, list) else [])
    return f"<answer>{canonical(value if asked.right else near(value, rng))}</answer>"


def abduction(asked: Asked) -> str:
    """Proposes a random program with an input; finds an input that gives a value."""
    rng = asked.rng
    if asked.role == "proposer":
        drawn = sketch(rng)
        return f"{fenced(drawn.source)}\n<input>{canonical(drawn.given(rng))}</input>"

    source, found = code_block(asked.prompt), _VALUE.search(asked.prompt)
    given = solve(source, read(found[1]) if found else None, rng)
    return f"<input>{canonical(given if asked.right else near(given, rng))}</input>"


def induction(asked: Asked) -> str:
    """Proposes a program, four inputs and what it does in words; writes a program from such words.

    Where the program is given it adds inputs and words.
    """
    rng = asked.rng
    if asked.role == "proposer" and asked.prompt.startswith("```"):
        source = code_block(asked.prompt)
        listed = result(source, [[1, 2]]) is not None
        return _inputs(rng, listed, to_words(source))
    if asked.role == "proposer":
        drawn = sketch(rng, _SHORT)
        return f"{fenced(drawn.source)}\n{_inputs(rng, drawn.kind == 'list', drawn.words)}"

    hint = asked.prompt.partition("\n")[0].removeprefix("Hint: ")
    known = from_words(hint) if asked.right else None
    return fenced(known or sketch(rng, _SHORT).source)


def _inputs(rng: random.Random, listed: bool, words: str) -> str:
    """Four inputs, of lists or of numbers, and the hint."""
    # each from a range of its own, so that a beginner's four differ too
    lists = ([rng.randint(low, low + 1), rng.randint(0, 9)] for low in (0, 2, 4, 6))
    numbers = (rng.randint(low, low + 9) for low in (-9, 1, 11, 21))
    lines = "\n".join(map(canonical, lists if listed else numbers))
    return f"<inputs>\n{lines}\n</inputs>\n<message>{words}</message>"


def puzzle(asked: Asked) -> str:
    """Proposes a test that a random program's value passes; finds what passes one."""
    rng = asked.rng
    if asked.role == "proposer":
        source, given = _puzzle(sketch(rng, _SHORT), rng)
        return f"{fenced(source)}\n<answer>{canonical(given)}</answer>"

    found = solve(code_block(asked.prompt), True, rng, "sat")
    return f"<answer>{canonical(found if asked.right else near(found, rng))}</answer>"


_PLAIN = (
    "x == {k}",
    "x > {k}",
    "x < {k}",
    "x[0] == {k}",
    "x[-1] == {k}",
    "len(x) == {n}",
    "{k} in x",
)


def _puzzle(drawn: Sketch, rng: random.Random) -> tuple[str, Value]:
    """A test and what passes it: plain ones, whose answer can be seen, beside a program's value."""
    given = drawn.given(rng)
    if rng.random() < 0.3:
        value = canonical(result(drawn.source, [given]))
        return f"def sat(x):\n    return {drawn.expression} == {value}", given

    form = rng.choice(_PLAIN)
    test = form.format(k=rng.randint(1, 8), n=rng.randint(2, 4))
    source = f"def sat(x):\n    return {test}"
    return source, solve(source, True, rng, "sat")


_TASK = re.compile(r"(?:What do|How many) (\w+) (cost|are in stock)\?")
_RETURNED = re.compile(r"(price|stock)\('(\w+)'\) returns (\d+)")
_LISTED = re.compile(r"items\(\) returns (\[.*\])")


def task(asked: Asked) -> str:
    """Looks up a price or a stock and asks for it; looks up what is asked for."""
    talk = "\n".join(message.text for message in asked.view)
    returned = _RETURNED.findall(talk)
    left = "0 calls left" not in asked.prompt and "up to 0 calls" not in asked.prompt
    if asked.role == "proposer":
        return _bundle(returned) if returned else _look(asked, talk)

    wanted = _TASK.search(talk)
    tool = "price" if wanted and wanted[2] == "cost" else "stock"
    known = [n for name, item, n in returned if wanted and (name, item) == (tool, wanted[1])]
    if known:
        right = int(known[-1])
        return f"<answer>{right if asked.right else right + 1}</answer>"
    if wanted and left:
        return f'<call>{tool}("{wanted[1]}")</call>'
    return "<call>items()</call>" if left and not asked.said else "<answer>0</answer>"


def _look(asked: Asked, talk: str) -> str:
    """A call: now and then for the list of items, else for one of those that are known to be there."""
    listed = _LISTED.search(talk)
    if not listed and not asked.said and asked.rng.random() < 0.3:
        return "<call>items()</call>"
    # eggs are always in the shop
    items = re.findall(r"\w+", listed[1]) if listed else ["eggs"]
    return f'<call>{asked.one_of(("price", "stock"))}("{asked.one_of(items)}")</call>'


def _bundle(returned: list[tuple[str, str, str]]) -> str:
    tool, item, number = returned[-1]
    text = f"What do {item} cost?" if tool == "price" else f"How many {item} are in stock?"
    check = fenced(f"def check(x):\n    return x == {number}")
    return f"<task>{text}</task>\n{check}\n<answer>{number}</answer>\n<wrong>\n-1\n</wrong>"
