"""Exams without sampling: every task of a game's tree, by the probabilities of all who sit in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from ..agents.policy import Policy
from ..envs.exact import SMALL, Behaviour, Floats, Tree, TreeError, seated, tree
from ..envs.infosets import ViewKey
from ..envs.registry import Game
from ..envs.tasks.attempts import Marks as ProblemMarks
from .exact_odds import odds_at
from .marks import ExamError, Marks
from .ratings.arrays import Ints


@dataclass(frozen=True, eq=False)
class Known:
    """A game's tree with who plays in it, and how likely a free sample is a legal move at each view."""

    tree: Tree
    profile: Behaviour
    legal: Mapping[ViewKey, float]


def truths(noted: Mapping[str, float], paid: float) -> tuple[float, ...]:
    """Whether each answer in turn was right (1) or wrong (0), by what a game of one such seat noted."""
    listed = [noted[f"right/{turn}"] for turn in range(len(noted)) if f"right/{turn}" in noted]
    if listed:
        return tuple(listed)
    told = [noted[name] for name in ("gold", "refined") if name in noted]
    # a game that notes no truth pays for it
    return tuple(told or [float(paid > 0)])


def known_odds(game: Game, seats: Mapping[str, Policy]) -> Known | None:
    """The tree and everybody's odds in it; None where the tree, or somebody's odds, are not known."""
    try:
        walked = tree(game, SMALL)
    except TreeError:
        return None

    policies: dict[str, Behaviour] = {}
    legal: dict[ViewKey, float] = {}
    # one that holds several seats is asked once for all of them
    for policy in {id(policy): policy for policy in seats.values()}.values():
        own = [seat for seat, other in seats.items() if other is policy]
        found = odds_at(policy, [info for info in walked.infosets if info.seat in own])
        if found is None:
            return None
        odds, mass = found
        policies |= dict.fromkeys(own, odds)
        legal |= mass
    return Known(walked, seated(policies), legal)


def exact_marks(who: str, known: Known, seat: str, k: int, *, votes: bool = True) -> Marks:
    """The marks of the one who sits in `seat`, over all tasks: the views at its first turn.

    `maj_in_limit` is the vote of ever more attempts: whether the likeliest answer is right. That of k takes
    long where k is large; `votes` = False leaves it out.

    Probabilities are those among legal choices; `legal_mass` says how likely a free sample is one of them.
    """
    walked = known.tree
    column = walked.game.seats.index(seat)
    plan = walked.plan(known.profile)
    reach = walked.chance * plan[walked.last].prod(axis=1)
    task = _tasks(walked, column)[walked.last[:, column]]

    # leaves at which the seat was never asked belong to no task
    spots = sorted(set(task.tolist()) - {-1})
    weight = np.array([reach[task == spot].sum() for spot in spots])
    spots = [spot for spot, mass in zip(spots, weight, strict=True) if mass > 0]
    weight = weight[weight > 0]
    if not spots:
        raise ExamError(f"{walked.game.id} never asks {seat}, so there is nothing to mark")

    paid = walked.payoff[:, walked.game.players.index(seat)]
    series = [truths(n, x) for n, x in zip(walked.notes, paid.tolist(), strict=True)]
    turns = max(map(len, series))
    right = np.array([[*s, *s[-1:] * (turns - len(s))] for s in series])
    verdicts = np.array([n.get("verdict", np.nan) for n in walked.notes])

    def each(values: Floats) -> Floats:
        """The expectation at each task."""
        return np.array([reach[task == s] @ values[task == s] for s in spots]) / weight

    solved = each(right[:, -1])
    columns: dict[str, Floats] = {"pass_at_1": solved}
    if k > 1:
        columns[f"pass_at_{k}"] = 1 - (1 - solved) ** k
        problems = _problems(known, seat, plan, right[:, -1], spots)
        if problems is not None:
            columns["maj_in_limit"] = problems.votes()
        if problems is not None and votes:
            columns[f"maj_at_{k}"] = problems.votes(k)
    if turns > 1:
        columns |= {f"turn_{turn + 1}": each(right[:, turn]) for turn in range(turns)}
        change = right[:, -1] - right[:, 0]
        columns["wrong_to_right"] = each((change > 0).astype(float))
        columns["right_to_wrong"] = each((change < 0).astype(float))

    if not np.isnan(verdicts).any():
        columns["verdict_accuracy"] = each(1 - np.abs(right[:, 0] - verdicts))
        said, both = each(verdicts), each(verdicts * right[:, 0])
        weighted = np.divide(both, said, out=each(right[:, 0]), where=said > 0)
        columns["gap"] = weighted - each(right[:, 0])
    infos = [walked.spots[spot].info for spot in spots]
    columns["legal_mass"] = np.array([known.legal[info.key] for info in infos])

    names = ["\n".join(m.text for m in info.messages) for info in infos]
    levels = [str(_level(walked, task, spot)) for spot in spots]
    return Marks(
        who,
        walked.game.id,
        k,
        tuple(sha256(name.encode(errors="replace")).hexdigest()[:12] for name in names),
        tuple(levels),
        weight / weight.sum(),
        columns,
        exact=True,
    )


def _tasks(walked: Tree, column: int) -> Ints:
    """The spot at which each of a seat's sequences begins; −1 for the empty one. Shape (S,)."""
    task = np.full(walked.sequences, -1)
    for index, spot in enumerate(walked.spots):
        if spot.info.seat != walked.game.seats[column]:
            continue
        # parents stand before children, and the empty sequence has the seat's own index
        first = index if spot.parent == column else task[spot.parent]
        task[spot.start : spot.start + len(spot.info.choices)] = first
    return task


def _problems(
    known: Known, seat: str, plan: Floats, right: Floats, spots: list[int]
) -> ProblemMarks | None:
    """Answers and their truth where the seat is asked once; None where its answer does not settle it."""
    walked = known.tree
    column = walked.game.seats.index(seat)
    own = [spot for spot in walked.spots if spot.info.seat == seat]
    if any(spot.parent != column for spot in own):
        return None

    # its own odds are left out: an answer has a truth whether or not it is given
    last = walked.last[:, column]
    others = walked.chance * np.delete(plan[walked.last], column, axis=1).prod(axis=1)
    came = np.bincount(last, others, walked.sequences)
    told = np.bincount(last, others * right, walked.sequences)
    truth = np.divide(told, came, out=np.zeros_like(told), where=came > 0).round(9)
    if not np.isin(truth, (0.0, 1.0)).all():
        return None

    width = max(len(walked.spots[spot].info.choices) for spot in spots)
    odds, marked = np.zeros((len(spots), width)), np.zeros((len(spots), width))
    for row, index in enumerate(spots):
        spot = walked.spots[index]
        count = len(spot.info.choices)
        odds[row, :count] = plan[spot.start : spot.start + count]
        marked[row, :count] = truth[spot.start : spot.start + count]
    return ProblemMarks(np.full(len(spots), 1 / len(spots)), odds, marked)


def _level(walked: Tree, task: Ints, spot: int) -> str:
    noted = walked.notes[int(np.flatnonzero(task == spot)[0])]
    return f"{noted['level']:g}" if "level" in noted else ""
