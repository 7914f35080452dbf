"""Games played by teachers: what each seat saw, and what it should say."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ....envs.registry import Game
from ....envs.script import Recall
from ....envs.table import Table
from ....envs.types import Ask, Message, Reply, Value
from ..names import ModelError, Start
from .lesson import Asked, Lesson, even
from .teachers import School
from .trusted import verdicts

_SLIPS = ("", "?", "pass")
"""Replies that are slipped in now and then, so that second tries are met."""
_SLIP = 0.02
Group: TypeAlias = tuple[str, str, int, bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A view and what to say in it: one reply, or listed choices with their odds.

    `again` says that a try failed before.
    """

    game: str
    role: str
    view: tuple[Message, ...]
    replies: tuple[str, ...]
    odds: tuple[float, ...] = (1.0,)
    again: bool = False

    @property
    def group(self) -> Group:
        """Rows of one group are alike: game, role, own replies (−1 after a failed try), listed or not."""
        spoken = sum(message.speaker == "self" for message in self.view)
        return (self.game, self.role, -1 if self.again else spoken, len(self.replies) > 1)


def played(game: Game, school: School, start: Start, seed: int) -> Iterator[Row]:
    """The rows of one game after the other, without end; the same ones for the same seed."""
    number = 0
    while True:
        rng = random.Random(f"nursery/{game.ref}/{seed}/{number}")
        yield from _game(game, school, start, number, rng)
        number += 1


def _game(
    game: Game, school: School, start: Start, number: int, rng: random.Random
) -> Iterator[Row]:
    def recalled(wish: Recall) -> Sequence[Value]:
        # a buffer that is still empty is met too, and near copies are never found
        if wish.like is not None:
            return ()
        if school.shelf is None or rng.random() < 0.2 or wish.kind == "document":
            return rng.sample(wish.seeds, min(wish.count, len(wish.seeds)))
        return [school.shelf(wish.kind, rng) for _ in range(rng.randint(0, wish.count))]

    table = Table(game, number, buffer=recalled)
    while table.ending is None:
        if table.jobs:
            table.answer(verdicts(table.jobs))
            continue

        replies: list[Reply] = []
        for ask in table.asks:
            view = table.view(ask.seat)
            lesson = _taught(game, school, start, ask, view, rng)
            row, said = _row(game, ask, view, lesson, rng)
            yield row
            slips = rng.random() < _SLIP
            replies.append(Reply(rng.choice(_SLIPS) if slips else said))
        table.answer(replies)


def _taught(
    game: Game,
    school: School,
    start: Start,
    ask: Ask,
    view: tuple[Message, ...],
    rng: random.Random,
) -> Lesson:
    """What the teacher says here. After a failed try it says what it would have said without it."""
    before = view[: len(view) - 2 * ask.retry]
    asked = Asked(ask.seat, game.role_of[ask.seat], before, ask.choices or (), start, rng)
    if school.teacher is None and not asked.choices:
        raise ModelError(
            f"the nursery has no teacher for {game.id}, whose {asked.role} writes freely; name other games"
        )
    return school.teacher(asked) if school.teacher else even(asked)


def _row(
    game: Game, ask: Ask, view: tuple[Message, ...], lesson: Lesson, rng: random.Random
) -> tuple[Row, str]:
    role = game.role_of[ask.seat]
    if isinstance(lesson, str):
        return Row(game.id, role, view, (lesson,), again=ask.retry > 0), lesson
    choices = ask.choices or ()
    # half of the moves are any legal ones, so that no view is rare because a teacher avoids it
    (said,) = rng.choices(choices, lesson) if rng.random() < 0.5 else (rng.choice(choices),)
    return Row(game.id, role, view, choices, tuple(lesson), ask.retry > 0), said
