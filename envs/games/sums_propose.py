"""Sums propose: one picks a task of a listed grid, others find the part of it that is hidden."""

from __future__ import annotations

from ..registry import game, seat_names
from ..script import Script, ask, ask_all, chance, note
from ..tasks.pay import proposer_range
from ..tasks.proposing import refused, settle
from ..tasks.sums import GRID, KINDS, check_name, majority
from ..types import Message

ID = "sums-propose-v0"
LABELS = ("gold", "majority")
LISTED = "; ".join(f"{number}: {task}" for number, task in GRID.items())


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Proposes the last task; answers with the first choice in the even seats, else the last."""
    return choices[-1 if seat == "proposer" or seat[-1] in "13579" else 0]


def _range(reward: str, kind: str, label: str) -> tuple[float, float]:
    """The payoff range. Raises ParameterError for a name that is not known."""
    check_name(ID, "kind", kind, (*KINDS, "mixed"))
    check_name(ID, "label", label, LABELS)
    return proposer_range(reward)


@game(
    ID,
    family="laboratory",
    roles=lambda attempts: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=_range,
    rules={
        "proposer": f"Pick a task by its number; others must find the part that is hidden. {LISTED}",
        "solver": "Sums modulo a number. Find what stands in place of the ?: a number, or + - *.",
    },
    bounds={"attempts": (1, 64)},
    oracles={"sample": sample},
)
def sums_propose(
    kind: str = "result", attempts: int = 8, reward: str = "paper", label: str = "gold"
) -> Script:
    """A proposer picks a sum of a listed grid; solvers find its result, operand or operator.

    Moves: the number of one of 48 tasks a ∘ b mod m, twelve for each m of 4, 8, 16 and 32; each solver's
    guess at the hidden part. `kind`: result (deduction), operand (abduction), operator (induction), or
    mixed, drawn.
    Payoff: proposer −1 for no task, else by `reward` in the share p of solvers that are right (paper,
    released, variance, tent, neither_end); solver 1 right, −0.5 wrong, −1 unreadable. With
    `label="majority"` right is what most say (R-Zero), else all that gives the result.
    Notes: solve_rate, p; proxy, the share with the label; gold, the share that is right; modulus.
    Sources: Absolute Zero and R-Zero (2025); there tasks are written freely and pass a gate, here the
    proposer's whole distribution over tasks is exact.
    """
    solvers = list(seat_names({"solver": attempts}))
    hidden = KINDS[(yield from chance((1, 1, 1)))] if kind == "mixed" else kind
    picked = yield from ask(
        "proposer", f"{hidden}: task?", choices=tuple(GRID), tries=1, otherwise=""
    )
    # The grid has no faulty task, so the gate is only whether one was picked.
    yield from note("gate", "admitted" if picked else "no task of the grid")
    if not picked:
        return refused(solvers)

    task = GRID[picked]
    shown, choices = task.hiding(hidden)
    answers = yield from ask_all(
        dict.fromkeys(solvers, shown), choices=choices, tries=1, otherwise=""
    )
    # "" is the fall-back of an unreadable reply: it is paid −1 and does not vote.
    given = {seat: answer for seat, answer in answers.items() if answer}
    # Several operands or signs may give the result, so each is tried and none compared
    # with a key.
    right = {seat for seat, answer in given.items() if task.fits(hidden, answer)}
    # The vote can settle on one of several right answers; the others lose by it, as in
    # R-Zero.
    vote = majority(list(answers.values()))
    agree = {seat for seat, answer in given.items() if answer == vote}

    labelled = agree if label == "majority" else right
    # Absolute Zero's three steps: unreadable is worse than wrong.
    paid = {s: -1.0 if s not in given else 1.0 if s in labelled else -0.5 for s in solvers}
    yield from note("proxy", len(labelled) / attempts)
    yield from note("gold", len(right) / attempts)
    yield from note("modulus", task.modulus)
    return (yield from settle("sums-propose", {"task": str(task), "kind": hidden}, paid, reward))
