"""Code deduction: one writes a program and an input, the others work out its output."""

from __future__ import annotations

from ..gate import gate
from ..proposals import Program, answer, called, fenced, program_with_input, sources
from ..registry import game, seat_names
from ..rewards import proposer_range, proposer_reward, solver_reward
from ..script import Script, ask, ask_all, keep, note, recall
from ..types import Value

IDENTITY: Value = {"source": "def f(x):\n    return x", "input": ("hello",), "solve_rate": 1.0}
PROPOSE = """\
Write a Python function f and one input for it. Others must work out what f returns: make that hard but \
possible. The same input must always give the same value. Do not copy these:
{known}
Answer in this form:
```python
def f(x):
    return x[::-1]
```
<input>"abc"</input>"""
SOLVE = """\
{code}
What does {call} return? Answer with the value, in this form: <answer>[1, "a"]</answer>"""


@game(
    "code-deduction-v0",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    payoff_range=lambda reward="paper": proposer_range(reward),
)
def code_deduction(attempts: int = 8, reward: str = "paper", references: int = 3) -> Script:
    """A proposer writes a program with an input; solvers work out what it returns.

    Moves: the proposer writes `f` and one input; a gate refuses what is not a deterministic program; each
    of `attempts` solvers gives the output as a literal. Execution gives the answer key.
    Payoff: proposer −1 for a refused proposal, else 1 − p where p > 0 is the share of right answers, 0 at
    p = 0 (`reward="released"`: −0.5 at p of 0 and 1); solver 1 right, −0.5 wrong, −1 unreadable.
    The buffer starts from the identity function alone; `references` of its programs are shown.
    Source: Absolute Zero (Zhao et al. 2025). Credit it per (game, role).
    """
    pay = proposer_reward(reward)
    solvers = list(seat_names({"solver": attempts}))
    known = sources((yield from recall("code-deduction", references, (IDENTITY,))))
    prompt = PROPOSE.format(known="\n".join(map(fenced, known)))
    proposed = yield from ask("proposer", prompt, program_with_input, tries=1, otherwise=Program(""))
    ruling = yield from gate(proposed.source, proposed.inputs, buffer=known)
    yield from note("gate", ruling.reason or "admitted")
    if not ruling.admitted:
        return {"proposer": -1.0, **dict.fromkeys(solvers, 0.0)}
    question = SOLVE.format(code=fenced(proposed.source), call=called(proposed.inputs[0]))
    answers = yield from ask_all(dict.fromkeys(solvers, question), answer, tries=1, otherwise=None)
    paid = {seat: solver_reward(given, ruling.values[0]) for seat, given in answers.items()}
    rate = sum(amount == 1 for amount in paid.values()) / attempts
    yield from note("solve_rate", rate)
    item: Value = {"source": proposed.source, "input": proposed.inputs[0], "solve_rate": rate}
    yield from keep("code-deduction", item)
    return {"proposer": pay(rate), **paid}
