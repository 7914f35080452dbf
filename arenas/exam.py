"""Exams: what a policy can do on tasks that it is never trained on, the same tasks whoever sits them.

    marks = exam(policy, find("sums-v0", attempts=1, part="held-out"), range(200), k=8)
    marks.mark("pass_at_1"), marks.mark("pass_at_8"), marks.gain(before)

Nothing here trains, keeps tasks or draws from a stream that something else draws from: chance and sampling
are keyed by the exam's own seeds, which no game in training has.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeVar

import numpy as np

from ..agents.policy import Policy
from ..envs.infosets import numbers
from ..envs.parse import Illegal, answered
from ..envs.registry import Game
from ..envs.tasks.answers import LONGEST, meaning
from ..envs.tasks.attempts import passed, voted
from ..envs.types import Episode, Message, Turn, Value
from ..sandbox.verifier import Verifier
from .exact_exam import exact_marks, known_odds, truths
from .examples import usual
from .marks import ExamError, Marks
from .match import Match
from .rollouts import play_all

T = TypeVar("T")
TRAINING: Final = 1 << 48
"""The least seed of a game in training: bit 48 is set in each of them, and an exam's seeds lie below."""
SELF: Final = "self"
SOLVER: Final = "solver"


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One seat's part in one game: whether each of its answers was right, the last one, its verdict.

    `thought` is the share of its replies that had one.
    """

    right: tuple[float, ...]
    answer: Hashable | None
    verdict: float | None
    refused: bool
    thought: float


def exam(
    policy: Policy,
    game: Game,
    seeds: Sequence[int],
    k: int = 1,
    *,
    roles: Sequence[str] = (),
    beside: Policy | None = None,
    judge: Policy | None = None,
    exact: bool = True,
    votes: bool = True,
    verifier: Verifier | None = None,
    at_once: int = 256,
    run: Callable[[Coroutine[Any, Any, list[Episode]]], list[Episode]] = asyncio.run,
) -> Marks:
    """Let the policy try the game's task on every seed `k` times, and mark it.

    It sits in all seats of `roles` (`examined`, where none are named), `beside` in the other players' seats
    and `judge` in those that grade (None: the game's own sample; the policy itself may judge). Where the
    tree can be walked and all who sit in it give probabilities, marks are computed over all tasks and not
    sampled, unless `exact` is False; seeds then play no part. `votes` = False spares the computed maj@k.

    A game says what is right in its notes: `right`, a list by turn; `gold` and, of a second answer,
    `refined`; without them an attempt is right that was paid more than 0. Raises ExamError for seeds that
    training could meet, an unknown role, and games that all broke off.
    """
    check_seeds(seeds)
    if k < 1:
        raise ExamError(f"an exam lets every task be tried once or more, not {k} times")
    sitting = examined(game, roles)
    seats = _seats(game, sitting, policy, beside, judge)

    if exact and (odds := known_odds(game, seats)) is not None and len(sitting) == 1:
        return exact_marks(policy.ref.name, odds, sitting[0], k, votes=votes)

    matches = [Match(game, seats, seed, copy) for seed in seeds for copy in range(k)]
    episodes = run(play_all(matches, verifier=verifier, at_once=at_once))
    return _marked(policy.ref.name, game, sitting, seeds, episodes, k)


def check_seeds(seeds: Sequence[int]) -> None:
    """Raises ExamError for no seed, one below 0, and one that a game in training may have."""
    if not len(seeds):
        raise ExamError("an exam needs at least one seed")
    # the ends of a range tell, however long it is
    ends = (seeds[0], seeds[-1]) if isinstance(seeds, range) else seeds
    least, most = min(ends), max(ends)
    if least < 0 or most >= TRAINING:
        raise ExamError(
            f"an exam's seeds lie from 0 to 2**48 - 1, since games in training have those beyond; these go "
            f"from {least} to {most}"
        )


def examined(game: Game, roles: Sequence[str] = ()) -> tuple[str, ...]:
    """The seats that sit an exam: those of the roles, of the only role that is paid, or of `solver`.

    Raises ExamError for a role that the game has not, and where none is named and none is the one.
    """
    paid = [role for role in game.roles if role not in game.judges]
    unknown = [role for role in roles if role not in game.roles]
    chosen = roles or (paid if len(paid) == 1 else [role for role in paid if role == SOLVER])
    if unknown or not chosen:
        what = f"has no role {unknown[0]!r}" if unknown else "has several roles"
        raise ExamError(f"{game.id} {what}; name who sits the exam: {', '.join(game.roles)}")
    return tuple(seat for seat in game.seats if game.role_of[seat] in chosen)


def _seats(
    game: Game,
    sitting: Sequence[str],
    policy: Policy,
    beside: Policy | None,
    judge: Policy | None,
) -> dict[str, Policy]:
    seats: dict[str, Policy] = {}
    for seat in game.seats:
        judges = game.role_of[seat] in game.judges
        other = judge if judges else beside
        seats[seat] = policy if seat in sitting else other or usual(game)
    return seats


def _marked(
    who: str,
    game: Game,
    sitting: Sequence[str],
    seeds: Sequence[int],
    episodes: Sequence[Episode],
    k: int,
) -> Marks:
    """Marks of the games, in order of seeds and copies."""
    # with others in the game a seat's first view is no whole task: each seed is one
    alone = set(game.players) <= set(sitting)
    tried: dict[str, list[_Attempt]] = defaultdict(list)
    levels: dict[str, str] = {}
    lost: set[str] = set()
    for place, episode in enumerate(episodes):
        item = _task(episode, sitting) if alone else str(seeds[place // k])
        # one lost game would leave an item fewer attempts than k
        if episode.ending.kind == "error":
            lost.add(item)
            continue
        tried[item] += [_attempt(episode, seat, len(sitting) == 1) for seat in sitting]
        levels.setdefault(item, _level(dict(episode.notes).get("level", "")))

    items = [item for item in tried if item not in lost]
    if not items:
        reason = next((e.ending.reason for e in episodes if e.ending.kind == "error"), "")
        raise ExamError(f"every game of the exam on {game.id} broke off ({reason})")
    turns = max(len(attempt.right) for item in items for attempt in tried[item])
    rows = [_row(tried[item], k, turns) for item in items]
    if any(attempt.thought for item in items for attempt in tried[item]):
        for row, item in zip(rows, items, strict=True):
            row["thought"] = float(np.mean([attempt.thought for attempt in tried[item]]))
    columns = {
        name: np.array([row.get(name, np.nan) for row in rows])
        for name in dict.fromkeys(name for row in rows for name in row)
    }

    return Marks(
        who,
        game.id,
        k,
        tuple(items),
        tuple(levels[item] for item in items),
        np.full(len(items), 1 / len(items)),
        columns,
        lost=len(lost),
    )


def _task(episode: Episode, sitting: Sequence[str]) -> str:
    """A name for what the seats were first shown: seeds that show the same are one task."""
    first: dict[str, tuple[Message, ...]] = {}
    for turn in episode.turns:
        first.setdefault(turn.seat, turn.prompt)
    shown = "\n".join(
        message.text for seat in sitting for message in first.get(seat, ()) if message
    )
    # a game that broke off before the first ask has shown nothing
    return sha256(shown.encode(errors="replace")).hexdigest()[:12] if shown else str(episode.seed)


def _level(noted: Value) -> str:
    return f"{noted:g}" if isinstance(noted, (int, float)) else str(noted)


def _attempt(episode: Episode, seat: str, alone: bool) -> _Attempt:
    turns = [turn for turn in episode.turns if turn.seat == seat]
    noted = dict(numbers([*episode.notes])) if alone else {}
    credited = [turn.credits["right"] for turn in turns if "right" in turn.credits]
    # notes are means over the seats; of several, each one's own credits tell
    right = (
        tuple(credited) if credited and not alone else truths(noted, episode.payoff.get(seat, 0.0))
    )

    verdict = noted.get("verdict")
    true = [turn.credits["verdict"] for turn in turns if "verdict" in turn.credits]
    if verdict is None and true:
        # a true verdict says what is the case, a false one the opposite
        verdict = right[0] if true[0] else 1 - right[0]
    refused = any(turn.refused for turn in turns)
    thought = float(np.mean([bool(turn.reply.thought) for turn in turns])) if turns else 0.0
    return _Attempt(right, _answer(turns), verdict, refused, thought)


def _answer(turns: Sequence[Turn]) -> Hashable | None:
    """What the last answer says, as a value that equals that of every other way to write it."""
    given = [turn for turn in turns if not turn.refused]
    # a verdict is no answer, and stands after one that is credited
    last = [turn for turn in given if "right" in turn.credits] or given
    if not last:
        return None
    text = last[-1].reply.text
    try:
        said = " ".join(answered(text).split())
    except Illegal:
        return None
    # a program is compared as it is written
    return meaning(said) if 0 < len(said) <= LONGEST else said or None


def _row(tried: Sequence[_Attempt], k: int, turns: int) -> dict[str, float]:
    """The numbers of one item from its attempts."""
    count = len(tried)
    # an answer that stands counts at every later turn
    right = np.array([[*a.right, *a.right[-1:] * (turns - len(a.right))] for a in tried])
    solved = right[:, -1] > 0.5
    row = {"pass_at_1": float(solved.mean())}
    if k > 1:
        row[f"pass_at_{k}"] = passed(count, int(solved.sum()), k)
        row[f"maj_at_{k}"] = _vote([a.answer for a in tried], solved.tolist(), k)

    if turns > 1:
        row |= {f"turn_{turn}": x for turn, x in enumerate(right.mean(axis=0).tolist(), 1)}
        change = right[:, -1] - right[:, 0]
        row["wrong_to_right"] = float((change > 0).mean())
        row["right_to_wrong"] = float((change < 0).mean())

    verdicts = np.array([np.nan if a.verdict is None else a.verdict for a in tried])
    there = ~np.isnan(verdicts)
    if there.any():
        first, says = right[there, 0], verdicts[there]
        row["verdict_accuracy"] = float(1 - np.abs(first - says).mean())
        # verdicts that are all "wrong" weigh no answer above another
        row["gap"] = float(first @ says / says.sum() - first.mean()) if says.sum() else 0.0
    row["refused"] = float(np.mean([a.refused for a in tried]))
    return row


def _vote(answers: Sequence[Hashable | None], solved: Sequence[bool], k: int) -> float:
    said: dict[Hashable, list[bool]] = defaultdict(list)
    for answer, right in zip(answers, solved, strict=True):
        if answer is not None:
            said[answer].append(right)
    counts = [len(each) for each in said.values()]
    truth = [sum(each) / len(each) for each in said.values()]
    return voted(counts, truth, len(answers) - sum(counts), k)
