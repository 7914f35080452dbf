"""Code induction: one writes a program and inputs, the others write the program from half of the pairs."""

from __future__ import annotations

from ..parse import Illegal, has_tag, rows, tagged
from ..registry import ParameterError, game, seat_names
from ..script import EITHER, Script, Steps, ask, ask_all, note, recall
from ..tasks.gate import gate
from ..tasks.pay import proposer_range
from ..tasks.programs import Program, arguments, called, fenced
from ..tasks.programs import program as source_of
from ..tasks.proposing import IDENTITY, Task, judged, program_of, propose, refused, settle
from ..types import Message, Value
from ..values import canonical

KIND = "code-induction"
MESSAGE_CHARACTERS = 200
PROPOSE = """\
Write a Python function f, four different inputs for it, one a line, and a short hint. Others see the hint \
and what f returns for the first two inputs, and must write f: make that hard but possible. The same input \
must always give the same value."""
FORM = """\
<inputs>
"abc"
"hello"
""
"xy"
</inputs>
<message>look from the other end</message>"""
EXAMPLE = f"""\
```python
def f(x):
    return x[::-1]
```
{FORM}"""
PROPOSE_INPUTS = """\
{code}
Write four different inputs for this function, one a line, and a short hint. Others see the hint and what f \
returns for the first two inputs, and must write f: make that hard but possible. Answer in this form:
{form}"""
SEED: Value = {
    "source": "def f(x):\n    return x",
    "inputs": (("hello",), (3,), ("",), (0,)),
    "message": "it gives back what it gets",
    "solve_rate": 1.0,
}
"""The only task that a buffer of induction starts from: the identity, as in Absolute Zero."""
PROGRAMS = ("own", "kept")
KEPT = EITHER.join(("code-deduction", "code-abduction"))
"""The shelves that a kept program is drawn from."""
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
        code = "" if view[-1].text.startswith("```") else f"{right}\n"
        return f"{code}<inputs>\n1\n2\n5\n-3\n</inputs>\n<message>neighbours meet</message>"
    return right if seat[-1] in "13579" else "```python\ndef f(x):\n    return {1: 2, 2: 6}[x]\n```"


def program_with_inputs(text: str) -> Program:
    """A code block that defines f, with what `inputs_with_hint` reads."""
    inputs, message = inputs_with_hint(text)
    return Program(source_of(text), inputs, message)


def inputs_with_hint(text: str) -> tuple[tuple[tuple[Value, ...], ...], str]:
    """<inputs> with one argument list a line, an even number, and a hint.

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
        if has_tag(text, "message")
        else ""
    )
    return inputs, message


def _range(
    reward: str = "paper", tasks: str = "proposed", program: str = "own"
) -> tuple[float, float]:
    if program not in PROGRAMS:
        raise ParameterError(
            f"code-induction-v0: no program {program!r}; there are: {', '.join(PROGRAMS)}"
        )
    return proposer_range(reward, tasks)


@game(
    "code-induction-v0",
    family="proposer and solver",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=_range,
    bounds={"attempts": (1, 64), "references": (0, 64), "review": (0, 1)},
    oracles={"sample": sample},
)
def code_induction(
    attempts: int = 8,
    reward: str = "paper",
    references: int = 3,
    review: float = 0.0,
    tasks: str = "proposed",
    program: str = "own",
) -> Script:
    """A proposer writes a program, inputs and a message; solvers write the program from half of the pairs.

    Moves: as in code-deduction, with 4 to 12 inputs; each solver sees the message and the first half of the
    (input, output) pairs and writes `f`, which must give every output of the other half.
    With `program="kept"` the proposer is given a program of the shelves of deduction and abduction, and
    writes inputs and message alone, as in the source.
    Payoff: as in code-deduction. Source: Absolute Zero (Zhao et al. 2025).
    """
    solvers = list(seat_names({"solver": attempts}))
    if program == "kept" and tasks == "proposed":
        task = yield from _of_kept_program()
    else:
        task = yield from propose(
            KIND,
            PROPOSE,
            EXAMPLE,
            program_with_inputs,
            references=references,
            seeds=(SEED,),
            review=review,
            tasks=tasks,
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

    written = yield from ask_all(
        dict.fromkeys(solvers, question), source_of, tries=1, otherwise=None
    )
    attempted = {
        seat: code if code is None else Program(code, inputs[half:])
        for seat, code in written.items()
    }
    # Judged on the hidden half alone, so that a table of the shown pairs earns nothing.
    paid = yield from judged(attempted, *task.values[half:])

    item = {"source": task.program.source, "inputs": inputs, "message": task.program.message}
    return (yield from settle(KIND, item, paid, reward, known=task.known, new=task.new))


def _of_kept_program() -> Steps[Task | None]:
    """A task about a program that another game kept; None for inputs that the gate refuses."""
    found = yield from recall(KEPT, 1, (IDENTITY,))
    # a buffer may hold nothing of the kind yet
    item = found[0] if found else IDENTITY
    source = program_of(item).source
    prompt = PROPOSE_INPUTS.format(code=fenced(source), form=FORM)
    inputs, message = yield from ask(
        "proposer", prompt, inputs_with_hint, tries=1, otherwise=((), "")
    )

    # No buffer is given: the program is a kept one, and new are only the inputs.
    ruling = yield from gate(source if inputs else "", inputs)
    yield from note("gate", ruling.reason or "admitted")
    return Task(Program(source, inputs, message), ruling.values) if ruling.admitted else None
