"""Self-correct: one seat answers, looks again, and answers again."""

from __future__ import annotations

from collections.abc import Sequence

from ..registry import ParameterError, game
from ..script import Script, Steps, ask, chance, credit, note, verify
from ..tasks.gate import PROPOSAL_LIMITS, certain, right
from ..tasks.programs import called, fenced, program
from ..tasks.specs import SPECS, Spec
from ..types import Job, Message, Value, Verdict
from ..values import canonical

VISIBLE = 2
FIRST = """\
Write a Python function f(x). x is {kind}. f(x) returns {text}. Answer in this form:
```python
def f(x):
    return x
```"""
AGAIN = "{feedback}Look at your function again, and answer with a better one, or the same, in the same form."


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Writes a wrong function first and the reference when it is asked again."""
    spec = next(spec for spec in SPECS if spec.text in view[0].text)
    again = any(message.speaker == "self" for message in view)
    return fenced(spec.reference if again else "def f(x):\n    return None")


def _range(feedback: str = "none") -> tuple[float, float]:
    if feedback not in ("none", "execution"):
        raise ParameterError(f"self-correct-v0: feedback is none or execution, not {feedback!r}")
    return (0.0, 1.0)


@game(
    "self-correct-v0",
    family="generator and critic",
    roles={"solver": 1},
    max_turns=lambda turns=2: turns,
    payoff_range=_range,
    sum="common",
    score="payoff",
    bounds={"turns": (1, 20), "alpha": (0, 1000)},
    oracles={"sample": sample},
)
def self_correct(turns: int = 2, alpha: float = 10.0, feedback: str = "none") -> Script:
    """One seat writes a function to a specification, looks again, and writes it again.

    Moves: f, `turns` times; with `feedback="execution"` the seat sees between them what f gave on the first
    two inputs, which are not among those that score. r is 1 when f is right on all other inputs, else 0.
    Payoff: r of the last turn. Credits: `right`, r of each turn; `correction`, α(r − r before).
    Notes: right, r by turn. Sources: SCoRe (Kumar et al. 2024): train stage one with KL on the first turn,
    then payoff and correction; CoCoS: the sum of `right` and improvements over the turns.
    """
    spec = SPECS[(yield from chance((1,) * len(SPECS)))]
    prompt, before, rights = FIRST.format(kind=spec.kind, text=spec.text), 0.0, list[Value]()

    for turn in range(turns):
        source = yield from ask("solver", prompt, program)
        correct, told = yield from _graded(spec, source)

        # Credits belong to the latest turn, so they are given before the seat is asked
        # again.
        yield from credit("solver", correct, "right")
        # The first turn has nothing before it to improve on.
        if turn:
            yield from credit("solver", alpha * (correct - before), "correction")
        before = correct
        rights.append(correct)
        prompt = AGAIN.format(feedback=told if feedback == "execution" else "")

    yield from note("right", rights)
    # The last turn alone is paid; what came of the way there is in the credits.
    return {"solver": before}


def _graded(spec: Spec, source: str) -> Steps[tuple[float, str]]:
    """Whether the function is right on the inputs that score, and what it did on those that are shown."""
    inputs = tuple((x,) for x in spec.hidden)
    # The reference runs beside the answer, so that truth is executed under the same
    # limits.
    jobs = [
        Job(code, "f", part, repeat=2, limits=PROPOSAL_LIMITS)
        for part in (inputs[VISIBLE:], inputs[:VISIBLE])
        for code in (spec.reference, source)
    ]
    truth, given, shown_truth, shown = yield from verify(*jobs)
    correct = float(right(given, *certain(truth, len(inputs) - VISIBLE)))
    return correct, _feedback(inputs[:VISIBLE], certain(shown_truth, VISIBLE), shown)


def _feedback(inputs: Sequence[tuple[Value, ...]], truth: Sequence[Value], given: Verdict) -> str:
    rows: list[str] = []
    for index, (x, value) in enumerate(zip(inputs, truth, strict=True)):
        # A function that ran out of its limits has fewer results than inputs.
        result = given.results[index] if index < len(given.results) else None
        came = canonical(result.value)[:60] if result and result.status == "ok" else given.status
        rows.append(f"{called(x)} gave {came}, should give {canonical(value)}\n")
    return "".join(rows)
