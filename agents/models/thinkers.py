"""Models of the nursery that think: they imitate teachers whose thoughts are scripted.

`tiny:kuhn-poker?thoughts=1` was taught to think before it moves: under `think=asked`, the prompt ends in an
open thought, and every reply is a short thought, its end, and the move (`scripted_thoughts.py`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from ...envs.games.tic_tac_toe import EMPTY
from ...envs.registry import Game, find
from ...envs.types import Message
from ..language.chat_template import Dialect
from ..prompts import OPEN
from ..thinking import ASKED, Thinking
from .cache import cached
from .names import Born, ModelError
from .nursery.build import SHAPES, Shape, make_model
from .nursery.imitate import examples, imitate, private_randomness
from .nursery.rows import Row, played
from .nursery.teachers import lessons, school
from .nursery.tokens import make_tokenizer
from .scripted_thoughts import END, LABELS, LONGER, THOUGHTS, thoughtful


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
    longer = {game.id: LONGER.get(game.id, 1.0) for game in taught}
    each = {
        game.ref: max(1, round(shape.rows * wanted.effort * longer[game.id] / len(taught)))
        for game in taught
    }
    rng = random.Random(f"think/{seed}")
    rows = [
        thoughtful(row, rng)
        for game in taught
        for row in islice(played(game, school(game), start, seed), each[game.ref])
    ]

    # what a model is told is one token, as it stands in its prompts
    tokenizer = thinkers_tokenizer(rows, shape.words)
    dialect = Dialect(tokenizer, thinking=Thinking("asked"))
    groups = examples(dialect, rows, rng)

    with private_randomness(seed):
        model = make_model(tokenizer, shape)
        imitate(
            model,
            dialect.pad,
            groups,
            steps=max(1, round(shape.steps * wanted.effort * sum(longer.values()))),
            tokens=shape.tokens,
            rate=shape.rate,
            rng=rng,
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def thinkers_tokenizer(rows: Sequence[Row], vocabulary: int) -> Any:
    """The tokenizer of rows with thoughts, which copy from the problems: none of these is one token."""
    parts = [part for row in rows for part in _told(row)]
    tokenizer = make_tokenizer(parts, vocabulary, often=_OFTEN)
    _add_marks(tokenizer)
    return tokenizer


_OFTEN = 0.01
"""The share of its group that a text has where it is said again and again, and no problem has."""


def _add_marks(tokenizer: Any) -> None:
    """Make one token each of what opens and closes a thought, its labels, squares and numbers in a row.

    So boards have equal tokens at equal places, whatever stands on them, and lists have a token a number.
    """
    from tokenizers import AddedToken

    marks = [f"{OPEN}\n", END, *(f" {mark}" for mark in (*"XO", *EMPTY))]
    marks += [*LABELS, *(f", {number}" for number in range(_LISTED))]
    # a token that is normalised first would never be found: there is no normaliser
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in marks])


_LISTED = 40
"""Numbers that lists and their totals hold: those of four digits at most."""


def _told(row: Row) -> tuple[Row, Row]:
    """The row's thought and its move, each behind its system message as that will stand.

    So that the tokenizer makes one token of the message, and never one of a thought with its move.
    """
    rules = [message.text for message in row.view if message.speaker == "system"]
    rest = tuple(message for message in row.view if message.speaker != "system")
    view = (Message("system", "\n\n".join([*rules, ASKED])), *rest)
    thought, _, move = row.replies[0].partition(END)
    # the view is told once, or it would count twice
    return replace(row, view=view, replies=(thought,)), replace(row, view=(), replies=(move,))


def _code() -> str:
    """A digest of the code that a model depends on."""
    here = Path(__file__)
    own = [here, here.with_name("scripted_thoughts.py"), here.parents[1] / "prompts.py"]
    own += sorted((here.parent / "nursery").glob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in own) + ASKED.encode()).hexdigest()
