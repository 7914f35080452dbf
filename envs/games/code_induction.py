"""Code induction: one writes a program and inputs, the others write the program from half of the pairs."""

from __future__ import annotations

from ..parse import Illegal, rows, tagged
from ..registry import game, seat_names
from ..script import Script, ask_all
from ..tasks.pay import proposer_range
from ..tasks.programs import Program, arguments, called, program
from ..tasks.proposing import judged, propose, refused, settle
from ..types import Message
from ..values import canonical

MESSAGE_CHARACTERS = 200
PROPOSE = """\
Write a Python function f, four different inputs for it, one a line, and a short hint. Others see the hint \
and what f returns for the first two inputs, and must write f: make that hard but possible. The same input \
must always give the same value."""
EXAMPLE = """\
```python
def f(x):
    return x[::-1]
```
<inputs>
"abc"
"hello"
""
"xy"
</inputs>
<message>look from the other end</message>"""
SOLVE = """\
Hint: {message}
{pairs}
Write the Python function f that gives these and the like. Answer in this form:
```python
def f(x):
    return x
```"""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Proposes one fixed task; finds its program in the odd seats and an over-fitted one in the others."""
    right = "```python\ndef f(x):\n    return x * (x + 1)\n```"
    if seat == "proposer":
        return f"{right}\n<inputs>\n1\n2\n5\n-3\n</inputs>\n<message>neighbours meet</message>"
    return right if seat[-1] in "13579" else "```python\ndef f(x):\n    return {1: 2, 2: 6}[x]\n```"


def program_with_inputs(text: str) -> Program:
    """A code block that defines f, <inputs> with one argument list a line, an even number, and a hint.

    The hint is one line, so that it cannot write pairs of its own among those that solvers are shown.
    """
    inputs = tuple(map(arguments, rows(text, "inputs", 12)))
    if len(inputs) < 4 or len(inputs) % 2:
        raise Illegal(f"4 to 12 inputs were expected, and an even number; {len(inputs)} came")

    # A hidden input that is shown as well would be answered by copying.
    if len(set(map(canonical, inputs))) < len(inputs):
        raise Illegal("the inputs must differ")

    message = (
        " ".join(tagged(text, "message").split())[:MESSAGE_CHARACTERS]
        if "<message>" in text
        else ""
    )
    return Program(program(text), inputs, message)


@game(
    "code-induction-v0",
    family="proposer and solver",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward="paper": proposer_range(reward),
    bounds={"attempts": (1, 64), "references": (0, 64), "review": (0, 1)},
    oracles={"sample": sample},
)
def code_induction(
    attempts: int = 8, reward: str = "paper", references: int = 3, review: float = 0.0
) -> Script:
    """A proposer writes a program, inputs and a message; solvers write the program from half of the pairs.

    Moves: as in code-deduction, with 4 to 12 inputs; each solver sees the message and the first half of the
    (input, output) pairs and writes `f`, which must give every output of the other half.
    Payoff: as in code-deduction. Source: Absolute Zero (Zhao et al. 2025).
    """
    solvers = list(seat_names({"solver": attempts}))
    task = yield from propose(
        "code-induction",
        PROPOSE,
        EXAMPLE,
        program_with_inputs,
        references=references,
        review=review,
    )
    if task is None:
        return refused(solvers)

    # The first half of the pairs is shown, the other half decides.
    inputs, half = task.program.inputs, len(task.values) // 2
    pairs = "\n".join(
        f"{called(given)} = {canonical(value)}"
        for given, value in zip(inputs[:half], task.values[:half], strict=True)
    )
    question = SOLVE.format(message=task.program.message, pairs=pairs)

    written = yield from ask_all(dict.fromkeys(solvers, question), program, tries=1, otherwise=None)
    attempted = {
        seat: code if code is None else Program(code, inputs[half:])
        for seat, code in written.items()
    }
    # Judged on the hidden half alone, so that a table of the shown pairs earns nothing.
    paid = yield from judged(attempted, *task.values[half:])

    item = {"source": task.program.source, "inputs": inputs, "message": task.program.message}
    return (yield from settle("code-induction", item, paid, reward, known=task.known, new=task.new))
