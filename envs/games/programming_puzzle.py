"""Programming puzzle: one writes a test that an answer must pass, the others find an answer."""

from __future__ import annotations

from ..registry import game, seat_names
from ..script import Script, ask_all, keep
from ..tasks.pay import proposer_range
from ..tasks.programs import Program, answer, fenced, program
from ..tasks.proposing import propose, refused, settle, tried, withdrawn
from ..types import Message, Value

SEED: Value = {
    "source": "def sat(x):\n    return x == 'hello'",
    "input": ("hello",),
    "solve_rate": 1.0,
}
PROPOSE = """\
Write a puzzle: a Python function sat(x) that returns True for the right x, and an x of your own that \
solves it. Others see sat and must find such an x: make that hard but possible."""
EXAMPLE = """\
```python
def sat(x):
    return len(x) == 3 and sum(x) == 10
```
<answer>[5, 3, 2]</answer>"""
SOLVE = """\
{code}
Find an x for which sat(x) returns True. Answer with x alone, in this form: <answer>[1, 2]</answer>"""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Proposes one fixed puzzle; solves it in the odd seats."""
    if seat == "proposer":
        return "```python\ndef sat(x):\n    return x > 9 and x % 7 == 3\n```\n<answer>17</answer>"
    return "<answer>10</answer>" if seat[-1] in "13579" else "<answer>3</answer>"


def puzzle(text: str) -> Program:
    """A code block that defines sat, and its author's own <answer>."""
    return Program(program(text, "sat"), ((answer(text).value,),))


@game(
    "programming-puzzle-v0",
    family="proposer and solver",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward="paper": proposer_range(reward),
    bounds={"attempts": (1, 64), "references": (0, 64), "review": (0, 1)},
    oracles={"sample": sample},
)
def programming_puzzle(
    attempts: int = 8, reward: str = "paper", references: int = 3, review: float = 0.0
) -> Script:
    """A proposer writes a test `sat(x)`; solvers find an x that passes it.

    Moves: the proposer gives the source of `sat` and an x of its own, for which `sat` must give exactly
    True or the gate refuses the puzzle; each solver gives an x as a literal.
    Payoff: as in code-deduction, with the solve rate as the difficulty. Verified solutions are kept as
    `puzzle-solution`, for the fine-tuning of the source.
    Source: Language Models Can Teach Themselves to Program Better (Haluptzok et al. 2023).
    """
    solvers = list(seat_names({"solver": attempts}))
    task = yield from propose(
        "programming-puzzle",
        PROPOSE,
        EXAMPLE,
        puzzle,
        references=references,
        review=review,
        seeds=(SEED,),
        entry="sat",
        expected=(True,),
    )
    if task is None:
        return refused(solvers)

    source = task.program.source
    question = SOLVE.format(code=fenced(source))
    found = yield from ask_all(dict.fromkeys(solvers, question), answer, tries=1, otherwise=None)
    # None for what could not be read: it is not run, and earns −1.
    answers = {seat: x and (x.value,) for seat, x in found.items()}
    paid = yield from tried(source, answers, True, entry="sat")
    # A puzzle that changed its mind pays as one that the gate refused.
    if paid is None:
        return withdrawn(solvers, task.known)

    # Verified solutions are the data of the paper's own fine-tuning.
    for seat, x in found.items():
        if x and paid[seat] == 1:
            yield from keep("puzzle-solution", {"source": source, "answer": x.value})

    item = {"source": source, "input": task.program.inputs[0]}
    return (
        yield from settle("programming-puzzle", item, paid, reward, known=task.known, new=task.new)
    )
