"""Models of the nursery that think: they imitate teachers whose thoughts are scripted.

`tiny:kuhn-poker?thoughts=1` was taught to think before it moves: under `think=asked`, the prompt ends in an
open thought, and every reply is a short thought, its end, and the move. The thought holds what the move
rests on: which cards are lower, which lines are threatened, what a program's parts give.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ...envs.games.tic_tac_toe import EMPTY
from ...envs.parse import code_block
from ...envs.registry import Game, find
from ...envs.types import Message
from ...envs.values import canonical, read
from ..language.chat_template import Dialect
from ..prompts import CLOSE, OPEN
from ..thinking import ASKED, Thinking
from .cache import cached
from .names import Born, ModelError
from .nursery.build import SHAPES, Shape, make_model
from .nursery.imitate import examples, imitate, private_randomness
from .nursery.programs import result
from .nursery.rows import Row, played
from .nursery.teachers import lessons, school
from .nursery.tokens import make_tokenizer

END = f"\n{CLOSE}\n\n"
"""What closes a thought, here and where it is closed at the end of its budget."""
_CARDS = "JQK"
_LINES = ("123", "456", "789", "147", "258", "369", "159", "357")
_CALL = re.compile(r"What does f\((.*)\) return\?")
_CARD, _BOARD = re.compile(r"^[JQK]\b"), re.compile(r"^[XO\d] [XO\d] [XO\d]\n")


def reared(wanted: Born, game: Game | None = None, seed: int = 0) -> Path:
    """The folder of this model, built on the first call and kept in the cache, as those of the nursery are.

    Raises ModelError for a game whose teachers have no thoughts.
    """
    games = [find(id) for id in wanted.games] or ([game] if game else [])
    if not games:
        raise ModelError(f"a {wanted.size!r} that thinks is built for games; name them")
    for each in games:
        if each.id not in THOUGHTS:
            raise ModelError(
                f"the nursery has no thoughts for {each.id}; it has some for {', '.join(THOUGHTS)}"
            )

    shape = SHAPES[wanted.size]
    taught = [lesson for each in games for lesson in lessons(each)]
    options = (asdict(wanted.start), wanted.effort, asdict(shape), seed)
    digest = sha256(repr(([each.ref for each in taught], *options, _code())).encode())
    title = "-".join(each.id.rpartition("-v")[0] for each in games)
    return cached(
        f"{wanted.size}-thinks-{title}-{digest.hexdigest()[:12]}",
        lambda folder: build(folder, taught, wanted, shape, seed),
    )


def build(folder: Path, taught: list[Game], wanted: Born, shape: Shape, seed: int) -> None:
    """Write the model that imitates the thoughts and moves of these games' teachers, and its tokenizer."""
    # a wrong answer would not follow from what was thought
    start = replace(wanted.start, accuracy=1.0) if wanted.start.accuracy is None else wanted.start
    each = max(1, round(shape.rows * wanted.effort / len(taught)))
    rng = random.Random(f"think/{seed}")
    rows = [
        thoughtful(row, rng)
        for game in taught
        for row in islice(played(game, school(game), start, seed), each)
    ]

    # what a model is told is one token, as it stands in its prompts
    tokenizer = make_tokenizer([part for row in rows for part in _told(row)], shape.words)
    add_marks(tokenizer)
    dialect = Dialect(tokenizer, thinking=Thinking("asked"))
    groups = examples(dialect, rows, rng)

    with private_randomness(seed):
        model = make_model(tokenizer, shape)
        imitate(
            model,
            dialect.pad,
            groups,
            steps=max(1, round(shape.steps * wanted.effort)),
            tokens=shape.tokens,
            rate=shape.rate,
            rng=rng,
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def add_marks(tokenizer: Any) -> None:
    """Make one token each of what opens a thought, of what closes it, and of a square behind another.

    With the last, every board has the same tokens at the same places, whatever stands on it.
    """
    from tokenizers import AddedToken

    marks = [f"{OPEN}\n", END, *(f" {mark}" for mark in (*"XO", *EMPTY))]
    # a token that is normalised first would never be found: there is no normaliser
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])


def thoughtful(row: Row, rng: random.Random) -> Row:
    """The row with a thought before its reply; of listed choices one is drawn by the thought or the odds."""
    (drawn,) = rng.choices(row.replies, row.odds)
    thought, move = THOUGHTS[row.game](row, drawn, rng)
    return replace(row, replies=(f"{thought}{END}{move}",), odds=(1.0,))


def _kuhn(row: Row, drawn: str, rng: random.Random) -> tuple[str, str]:
    """Which cards the own one beats."""
    card = _asked(row, _CARD)[0]
    lower = " ".join(_CARDS[: _CARDS.index(card)]) or "nothing"
    return f"{card} beats {lower}", drawn


def _tic_tac_toe(row: Row, drawn: str, rng: random.Random) -> tuple[str, str]:
    """The square that wins, else the one that the other would win, else that none does: a free square."""
    own, other = ("X", "O") if row.role == "x" else ("O", "X")
    board = _asked(row, _BOARD).split()
    for mark, verb in ((own, "wins"), (other, "threatens")):
        for line in _LINES:
            cells = [board[int(square) - 1] for square in line]
            free = [cell for cell in cells if cell.isdigit()]
            if cells.count(mark) == 2 and free:
                return f"{mark} {verb} {free[0]}", free[0]
    return f"no line, free {drawn}", drawn


def _deduction(row: Row, drawn: str, rng: random.Random) -> tuple[str, str]:
    """Each operation of the program and what it gives, in their order; of a proposal, the operations."""
    asked = _asked(row, _CALL)
    found = _CALL.search(asked)
    if row.role == "proposer" or not found:
        return ", ".join(operation.name for operation in operations(code_block(drawn))), drawn
    given = read(f"[{found[1]}]")
    steps = [found[1]]
    for operation in operations(code_block(asked)):
        source = f"def f(x):\n    return {operation.part}"
        value = result(source, given if isinstance(given, list) else [])
        steps.append(f"{operation.name}: {canonical(value)}")
    return ", ".join(steps), drawn


class Operation(NamedTuple):
    """One operation of a program: how it is called, and the part of the program that ends with it."""

    name: str
    part: str


def operations(source: str) -> list[Operation]:
    """The operations that a function does to its argument `x`, in their order, as in `sorted`, `[0]`, `+ 2`."""
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


def _told(row: Row) -> tuple[Row, Row]:
    """The row's thought and its move, each behind its system message as that will stand.

    So that the tokenizer makes one token of the message, and never one of a thought with its move.
    """
    rules = [message.text for message in row.view if message.speaker == "system"]
    rest = tuple(message for message in row.view if message.speaker != "system")
    view = (Message("system", "\n\n".join([*rules, ASKED])), *rest)
    thought, _, move = row.replies[0].partition(END)
    return replace(row, view=view, replies=(thought,)), replace(row, view=view, replies=(move,))


def _code() -> str:
    """A digest of the code that a model depends on."""
    here = Path(__file__)
    own = [here, *sorted((here.parent / "nursery").glob("*.py")), here.parents[1] / "prompts.py"]
    return sha256(b"".join(file.read_bytes() for file in own) + ASKED.encode()).hexdigest()
