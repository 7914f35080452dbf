"""Code abduction: one writes a program and an input, the others find an input with the same output."""

from __future__ import annotations

from ..parse import answered
from ..registry import game, seat_names
from ..script import Script, ask_all
from ..tasks.pay import proposer_range
from ..tasks.programs import arguments, fenced, program_with_input
from ..tasks.proposing import propose, refused, settle, tried, withdrawn
from ..types import Message, Value
from ..values import canonical

PROPOSE = """\
Write a Python function f and one input for it. Others see f and what it returns, and must find an input \
that gives it: make that hard but possible. The same input must always give the same value."""
EXAMPLE = """\
```python
def f(x):
    return sum(x) * 2
```
<input>[1, 2]</input>"""
SOLVE = """\
{code}
Find an input for which f returns {value}. Answer with the input alone, as it stands between the \
parentheses of the call, in this form: <input>[1, 2]</input>"""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Proposes one fixed task; knows another input in the odd seats."""
    if seat == "proposer":
        return "```python\ndef f(x):\n    return [len(w) for w in x]\n```\n<input>['on', 'and']</input>"
    return "<input>['ab', 'abc']</input>" if seat[-1] in "13579" else "<input>[2, 3]</input>"


@game(
    "code-abduction-v0",
    family="proposer and solver",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward="paper", tasks="proposed": proposer_range(reward, tasks),
    bounds={"attempts": (1, 64), "references": (0, 64), "review": (0, 1)},
    oracles={"sample": sample},
)
def code_abduction(
    attempts: int = 8,
    reward: str = "paper",
    references: int = 3,
    review: float = 0.0,
    tasks: str = "proposed",
) -> Script:
    """A proposer writes a program with an input; solvers see its output and find an input that gives it.

    Moves: as in code-deduction, but solvers give an input; any input with that output is right, found by
    running it, twice, in processes of its own. Inputs are read as data.
    Payoff: as in code-deduction. Source: Absolute Zero (Zhao et al. 2025).
    """
    solvers = list(seat_names({"solver": attempts}))
    task = yield from propose(
        "code-abduction",
        PROPOSE,
        EXAMPLE,
        program_with_input,
        references=references,
        review=review,
        tasks=tasks,
    )
    if task is None:
        return refused(solvers)

    source, gold = task.program.source, task.values[0]
    question = SOLVE.format(code=fenced(source), value=canonical(gold))
    answers = yield from ask_all(
        dict.fromkeys(solvers, question), arguments_in_tag, tries=1, otherwise=None
    )
    # Run and not compared: another input with the same output is as right as the
    # proposer's.
    paid = yield from tried(source, answers, gold)
    if paid is None:
        return withdrawn(solvers, task.known)

    item = {"source": source, "input": task.program.inputs[0]}
    return (yield from settle("code-abduction", item, paid, reward, known=task.known, new=task.new))


def arguments_in_tag(text: str) -> tuple[Value, ...]:
    """The arguments inside <input>…</input>, or the whole reply where it has no such tag."""
    return arguments(answered(text, "input"))
