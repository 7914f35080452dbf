"""Self-correct: one seat answers, looks again, and answers again."""

from __future__ import annotations

from collections.abc import Sequence

from ..registry import ParameterError, game
from ..script import Script, Steps, ask, chance, credit, note, verify
from ..tasks.gate import PROPOSAL_LIMITS, certain, right, share_right
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


def _range(turns: int, feedback: str, pay: str, grade: str, gamma: float) -> tuple[float, float]:
    """The payoff range. Raises ParameterError for a name that is not known."""
    for name, value, known in (
        ("feedback", feedback, ("none", "execution")),
        ("pay", pay, ("last", "progress")),
        ("grade", grade, ("all", "share")),
    ):
        if value not in known:
            raise ParameterError(f"self-correct-v0: {name} is {' or '.join(known)}, not {value!r}")
    # the worst way through is right until the last turn, which loses all of it
    return (gamma ** (turns - 1) - 1 if pay == "progress" else 0.0, 1.0)


@game(
    "self-correct-v0",
    family="generator and critic",
    roles={"solver": 1},
    max_turns=lambda turns=2: turns,
    payoff_range=_range,
    sum="common",
    score="payoff",
    bounds={"turns": (1, 20), "alpha": (0, 1000), "gamma": (0, 1)},
    oracles={"sample": sample},
)
def self_correct(
    turns: int = 2,
    alpha: float = 10.0,
    feedback: str = "none",
    pay: str = "last",
    grade: str = "all",
    gamma: float = 0.5,
) -> Script:
    """One seat writes a function to a specification, looks again, and writes it again.

    Moves: f, `turns` times; with `feedback="execution"` the seat sees between them what f gave on the first
    two inputs, which are not among those that score. r is 1 when f is right on all other inputs, else 0;
    with `grade="share"` it is the share of them on which f is right.
    Payoff: r of the last turn; with `pay="progress"` the sum of γ^(T − t) (r − r before) over the turns t of
    T, where r before the first is 0. Credits: `right`, r of each turn; `correction`, α(r − r before).
    Notes: right, r by turn. Sources: SCoRe (Kumar et al. 2024): the credits; CoCoS (Cho et al. 2025):
    progress of the share.
    """
    spec = SPECS[(yield from chance((1,) * len(SPECS)))]
    prompt, before, rights = FIRST.format(kind=spec.kind, text=spec.text), 0.0, list[Value]()
    progress = 0.0

    for turn in range(turns):
        source = yield from ask("solver", prompt, program)
        correct, told = yield from _graded(spec, source, grade)

        # Credits belong to the latest turn, so they are given before the seat is asked
        # again.
        yield from credit("solver", correct, "right")
        # The first turn has nothing before it to improve on.
        if turn:
            yield from credit("solver", alpha * (correct - before), "correction")
        progress = gamma * progress + correct - before
        before = correct
        rights.append(correct)
        prompt = AGAIN.format(feedback=told if feedback == "execution" else "")

    yield from note("right", rights)
    # The last turn alone is paid; what came of the way there is in the credits.
    return {"solver": progress if pay == "progress" else before}


def _graded(spec: Spec, source: str, grade: str) -> Steps[tuple[float, str]]:
    """How right the function is on the inputs that score, and what it did on those that are shown."""
    inputs = tuple((x,) for x in spec.hidden)
    # The reference runs beside the answer, so that truth is executed under the same
    # limits.
    jobs = [
        Job(code, "f", part, repeat=2, limits=PROPOSAL_LIMITS)
        for part in (inputs[VISIBLE:], inputs[:VISIBLE])
        for code in (spec.reference, source)
    ]
    truth, given, shown_truth, shown = yield from verify(*jobs)
    measure = share_right if grade == "share" else right
    correct = float(measure(given, *certain(truth, len(inputs) - VISIBLE)))
    return correct, _feedback(inputs[:VISIBLE], certain(shown_truth, VISIBLE), shown)


def _feedback(inputs: Sequence[tuple[Value, ...]], truth: Sequence[Value], given: Verdict) -> str:
    rows: list[str] = []
    for index, (x, value) in enumerate(zip(inputs, truth, strict=True)):
        # A function that ran out of its limits has fewer results than inputs.
        result = given.results[index] if index < len(given.results) else None
        came = canonical(result.value)[:60] if result and result.status == "ok" else given.status
        rows.append(f"{called(x)} gave {came}, should give {canonical(value)}\n")
    return "".join(rows)
