"""Scripted thoughts: what a teacher thinks before it moves, true and short, and the move that follows.

A thought holds what the move rests on: which cards are lower, which square wins, what each operation gives.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from ...envs.parse import code_block
from ...envs.types import Message, Value
from ...envs.values import canonical, read
from ..prompts import CLOSE, OPEN
from .nursery.programs import result
from .nursery.rows import Row

END = f"\n{CLOSE}\n\n"
"""What closes a thought, here and where it is closed at the end of its budget."""
_CARDS = "JQK"
_LINES = ("123", "456", "789", "147", "258", "369", "159", "357")
LABELS = ("left=", "|middle=", "|right=", "|falling=", "|rising=")
"""Of the lines behind the three rows, in a thought."""
_CALL = re.compile(r"What does f\((.*)\) return\?")
_CARD, _BOARD = re.compile(r"^[JQK]\b"), re.compile(r"^[XO\d] [XO\d] [XO\d]\n")


def thoughtful(row: Row, rng: random.Random) -> Row:
    """The row with a thought before its reply; of listed choices one is drawn by the thought or the odds."""
    (drawn,) = rng.choices(row.replies, row.odds)
    thought, move = THOUGHTS[row.game](row, drawn, rng)
    return replace(row, replies=(f"{thought}{END}{move}",), odds=(1.0,))


def remembered(game: str, role: str, view: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with a thought before each of the seat's own replies, as a model would write it.

    The thoughts of a game without scripted ones, and of a move that they do not lead to, say no more than the
    move: they show the form.
    """
    rng, shown = random.Random(0), list[Message]()
    for place, message in enumerate(view):
        if message.speaker == "self":
            thought = _before(Row(game, role, view[:place], (message.text,)), rng)
            message = message._replace(text=f"{OPEN}\n{thought}{END}{message.text}")
        shown.append(message)
    return tuple(shown)


def _before(row: Row, rng: random.Random) -> str:
    (said,) = row.replies
    if row.game in THOUGHTS and row.view:
        thought, move = THOUGHTS[row.game](row, said, rng)
        if move == said:
            return thought
    return "In the form that is asked for." if "\n" in said else f"It is {said}"


def _kuhn(row: Row, drawn: str, rng: random.Random) -> tuple[str, str]:
    """Which cards the own one beats."""
    card = _asked(row, _CARD)[0]
    lower = " ".join(_CARDS[: _CARDS.index(card)]) or "nothing"
    return f"{card} beats {lower}", drawn


def _tic_tac_toe(row: Row, drawn: str, rng: random.Random) -> tuple[str, str]:
    """The lines that the board does not show; then the square that wins, else has to be held, else any.

    As in `left=X 4 O|middle=2 X O|…`, then `X wins 9` below it. So each line stands together before it is
    judged: a small model that has to judge it on the board names squares of no line.
    """
    own, other = ("X", "O") if row.role == "x" else ("O", "X")
    board = _asked(row, _BOARD).split()
    lines = [[board[int(square) - 1] for square in line] for line in _LINES]
    told = "".join(label + " ".join(line) for label, line in zip(LABELS, lines[3:], strict=True))

    for mark, verb in ((own, "wins"), (other, "threatens")):
        for line in lines:
            free = [cell for cell in line if cell.isdigit()]
            if line.count(mark) == 2 and free:
                return f"{told}\n{mark} {verb} {free[0]}", free[0]
    return f"{told}\nfree {drawn}", drawn


def _deduction(row: Row, drawn: str, rng: random.Random) -> tuple[str, str]:
    """The input, then what each operation of the program gives; of a proposal, the operations."""
    asked = _asked(row, _CALL)
    found = _CALL.search(asked)
    if row.role == "proposer" or not found:
        return ", ".join(operation.name for operation in operations(code_block(drawn))), drawn
    given = read(f"[{found[1]}]")
    arguments = given if isinstance(given, list) else []
    steps, value = [found[1]], next(iter(arguments), None)
    for operation in operations(code_block(asked)):
        before, value = value, result(f"def f(x):\n    return {operation.part}", arguments)
        steps.append(f"{operation.name}: {_worked(operation.name, before, value)}")
    return ", ".join(steps), drawn


def _worked(name: str, before: Value, value: Value) -> str:
    """What an operation gives; of a sum each total on the way, as small models add two numbers."""
    if name != "sum" or not isinstance(before, list):
        return canonical(value)
    numbers = [number for number in before if isinstance(number, int)]
    return ", ".join(map(str, accumulate(numbers))) if numbers else canonical(value)


class Operation(NamedTuple):
    """One operation of a program: how it is called, and the part of the program that ends with it."""

    name: str
    part: str


def operations(source: str) -> list[Operation]:
    """What a function does to its argument `x`, in its order, as in `sorted`, `[0]`, `+ 2`."""
    returned = next((n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Return)), None)
    node = returned.value if returned else None
    found: list[Operation] = []

    # from outside to inside: each has one part that holds the argument
    while node is not None and not isinstance(node, ast.Name):
        part = ast.unparse(node)
        node = next((n for n in ast.iter_child_nodes(node) if _holds_x(n)), None)
        inner = ast.unparse(node) if node else ""
        name = (
            part.replace(f"({inner})", "", 1)
            if f"({inner})" in part
            else part.replace(inner, "", 1)
        )
        found.append(Operation(name.strip(), part))
    return found[::-1]


def _holds_x(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == "x" for inner in ast.walk(node))


def _asked(row: Row, problem: re.Pattern[str]) -> str:
    """The last prompt that states a problem: a bet or a failed try may stand below it; else the last one."""
    texts = [message.text for message in row.view if message.speaker == "game"]
    return next((text for text in reversed(texts) if problem.search(text)), texts[-1])


Thinker: TypeAlias = Callable[[Row, str, random.Random], tuple[str, str]]
THOUGHTS: dict[str, Thinker] = {
    "kuhn-poker-v0": _kuhn,
    "tic-tac-toe-v0": _tic_tac_toe,
    "code-deduction-v0": _deduction,
}
"""By id of the game: the thought and the move, from a row and the move that was drawn in it."""
LONGER: dict[str, float] = {"tic-tac-toe-v0": 1.0, "code-deduction-v0": 3.0}
"""How many times as long as Kuhn's a game's thoughts are imitated: more is worked out in them."""
