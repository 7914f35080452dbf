"""What a model of the nursery can do: first tries that are moves, right answers, the floor of guessing."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from ....envs.registry import Game
from ....envs.tasks.shapes import tree
from ....envs.types import Episode
from ...policy import Key, Policy, Request, Sampling
from ..names import Start
from .rows import Row, played
from .teachers import lessons, school


@dataclass(frozen=True, slots=True)
class Spoken:
    """First tries over all asks, by role: those that were moves, and all; proposals admitted, and all."""

    moves: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    admitted: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Level:
    """Right answers at tasks of one level, out of `tasks`.

    level:   operators of a program, where tasks are programs; else 0.
    greedy:  the share that is right with the likeliest reply; `sampled` with one drawn at temperature 1.
    floor:   the share that the commonest right answer has, by outermost operator where tasks are programs.
    """

    role: str
    level: int
    tasks: int
    greedy: float
    sampled: float
    floor: float


def spoken(episodes: Sequence[Episode]) -> Spoken:
    """What came of the first tries in these episodes, and of what was proposed."""
    first = [turn for episode in episodes for turn in episode.turns if not turn.retry]
    roles = dict.fromkeys(turn.role for turn in first)
    moves = {
        role: (
            sum(turn.refused is None for turn in first if turn.role == role),
            sum(turn.role == role for turn in first),
        )
        for role in roles
    }
    gates = [value for episode in episodes for name, value in episode.notes if name == "gate"]
    return Spoken(moves, (gates.count("admitted"), len(gates)))


async def levels(policy: Policy, game: Game, tasks: int = 300, seed: int = 1) -> list[Level]:
    """How many answers are right at tasks of the teachers, by role and level.

    Only roles whose right answer is known (`School.keyed`) are marked, and only what a perfect teacher says
    is right. Tasks are drawn by another seed than those that the model was taught with.
    """
    rows = _tasks(game, tasks, seed)
    if not rows:
        return []
    greedy = await _said(policy, rows, Sampling(0.0, max_tokens=96))
    sampled = await _said(policy, rows, Sampling(max_tokens=96))
    floors = _floors(_tasks(game, _MANY * tasks, seed))

    found: list[Level] = []
    for role, level in sorted({_kind(row) for row in rows}):
        some = [i for i, row in enumerate(rows) if _kind(row) == (role, level)]
        right, drawn = (
            sum(rows[i].replies[0] == said[i] for i in some) for said in (greedy, sampled)
        )
        n = len(some)
        found.append(Level(role, level, n, right / n, drawn / n, floors[role, level]))
    return found


_MANY = 10
"""Tasks that the floor is counted on, times those that the model is asked: the commonest of few is luck."""


def _floors(rows: Sequence[Row]) -> dict[tuple[str, int], float]:
    """By role and level, the share of the commonest right answer of each outermost operator."""
    counts: dict[tuple[str, int], dict[str, Counter[str]]] = {}
    for row in rows:
        of_kind = counts.setdefault(_kind(row), {})
        of_kind.setdefault(_outermost(row), Counter())[row.replies[0]] += 1
    return {
        kind: sum(max(some.values()) for some in of_kind.values())
        / sum(some.total() for some in of_kind.values())
        for kind, of_kind in counts.items()
    }


def _kind(row: Row) -> tuple[str, int]:
    return row.role, len(_operators(row))


def _tasks(game: Game, tasks: int, seed: int) -> list[Row]:
    """Rows with the one right reply, from teachers that make no mistake."""
    roles = school(game).keyed
    wanted: list[Row] = []
    for lesson in lessons(game) if roles else ():
        feed = played(lesson, school(game), Start(1.0), 1000 + seed)
        some = (_right(row) for row in islice(feed, 40 * tasks) if row.role in roles)
        wanted += list(islice((row for row in some if row), tasks // len(lessons(game))))
    return wanted


def _right(row: Row) -> Row | None:
    """The row with its right reply alone; None where none is certain, or a try failed before."""
    if row.again or max(row.odds) < 1:
        return None
    return Row(row.game, row.role, row.view, (row.replies[row.odds.index(max(row.odds))],))


async def _said(policy: Policy, rows: Sequence[Row], sampling: Sampling) -> list[str]:
    requests = [
        Request(row.role, row.role, row.view, None, Key(i, 0, row.role, 0), sampling)
        for i, row in enumerate(rows)
    ]
    replies = await policy.act(requests)
    return ["" if isinstance(reply, Exception) else reply.text for reply in replies]


def _operators(row: Row) -> list[ast.expr]:
    """The operators of the program that the last prompt shows, the outermost first; none without one."""
    shown = re.search(r"return (.*)\n```", row.view[-1].text)
    parsed = tree(shown[1]) if shown and "```python" in row.view[-1].text else None
    nodes = ast.walk(parsed) if parsed else ()
    return [n for n in nodes if isinstance(n, ast.BinOp | ast.Call | ast.Subscript | ast.List)]


def _outermost(row: Row) -> str:
    """The outermost operator without what it is used on, or ""."""
    match next(iter(_operators(row)), None):
        case ast.BinOp(op=sign):
            return type(sign).__name__
        case ast.Call(func=called):
            return ast.unparse(called)
        case ast.Subscript(slice=part):
            return f"[{ast.unparse(part)}]"
        case ast.List():
            return "[]"
        case _:
            return ""
