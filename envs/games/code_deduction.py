"""Code deduction: one writes a program and an input, the others work out its output."""

from __future__ import annotations

from ..registry import game, seat_names
from ..script import Script, ask_all, note
from ..tasks.pay import agreement, proposer_range, solver_reward
from ..tasks.programs import answer, called, fenced, program_with_input
from ..tasks.proposing import propose, refused, settle
from ..types import Message

PROPOSE = """\
Write a short Python function f and call it once, with values, on the last line. Others must work out \
what the call returns: make that hard but possible. The same call must always give the same value."""
EXAMPLE = """\
```python
def f(x):
    return sorted(x)[1:]

f([3, 1, 2])
```"""
SOLVE = """\
{code}
What does {call} return? Answer with the value, in this form: <answer>[1, "a"]</answer>"""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Proposes one fixed task; knows its answer in the even seats."""
    if seat == "proposer":
        return "```python\ndef f(x):\n    return sorted(x)[1:]\n\nf([3, 1, 2])\n```"
    return f"<answer>{'[1, 2]' if seat[-1] in '13579' else '[2, 3]'}</answer>"


@game(
    "code-deduction-v0",
    family="proposer and solver",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward="paper", tasks="proposed": proposer_range(reward, tasks),
    bounds={"attempts": (1, 64), "references": (0, 64), "review": (0, 1)},
    oracles={"sample": sample},
)
def code_deduction(
    attempts: int = 8,
    reward: str = "paper",
    references: int = 3,
    review: float = 0.0,
    tasks: str = "proposed",
) -> Script:
    """A proposer writes a program with an input; solvers work out what it returns.

    Moves: the proposer writes `f` and one input; a gate refuses what is not a deterministic program; each
    of `attempts` solvers gives the output as a literal. Execution gives the answer key.
    Payoff: proposer −1 for a refused proposal, else 1 − p where p > 0 is the share of right answers, 0 at
    p = 0 (`reward="released"`: −0.5 at p of 0 and 1); solver 1 right, −0.5 wrong, −1 unreadable.
    The buffer starts from the identity function alone; `references` of its programs are shown.
    With probability `review` the task measured longest ago is attempted again and nobody proposes. With
    `tasks="shelf"` nobody ever does: any kept task is attempted, and keeps its solve rate.
    Source: Absolute Zero (Zhao et al. 2025), whose updates whiten per (task type, role).
    """
    solvers = list(seat_names({"solver": attempts}))
    task = yield from propose(
        "code-deduction",
        PROPOSE,
        EXAMPLE,
        program_with_input,
        references=references,
        review=review,
        tasks=tasks,
    )
    if task is None:
        return refused(solvers)

    source, given = task.program.source, task.program.inputs[0]
    question = SOLVE.format(code=fenced(source), call=called(given))
    answers = yield from ask_all(dict.fromkeys(solvers, question), answer, tries=1, otherwise=None)
    # The gate has run the program: its value is the key, and nothing is run for the
    # solvers.
    paid = {seat: solver_reward(said, task.values[0]) for seat, said in answers.items()}

    # Noted beside the solve rate: guessing shows as disagreement.
    yield from note("agreement", agreement([*answers.values()]))
    # Only the task is kept, not its value: a review runs it again.
    item = {"source": source, "input": given}
    return (yield from settle("code-deduction", item, paid, reward, known=task.known, new=task.new))
