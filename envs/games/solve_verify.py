"""Solve and verify: solvers write code, verifiers write tests, and every solution meets every test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from ..parse import Illegal, excerpt, tagged
from ..registry import ParameterError, game, seat_names
from ..script import Script, ask_all, chance, note, verify
from ..tasks.gate import PROPOSAL_LIMITS, certain
from ..tasks.programs import fenced, program
from ..tasks.specs import SPECS, Spec, checked
from ..types import Job, Message, Value, Verdict
from ..values import canonical, read, same

SOLVE = """\
Write a Python function f(x). x is {kind}. f(x) returns {text}. Answer in this form:
```python
def f(x):
    return x
```"""
TEST = """\
Write {tests} different tests for a function f(x), one a line: an input, an arrow, and what f returns. \
f(x) should return {text}. x is {kind}. Answer in this form:
<tests>
{example}
</tests>"""


@dataclass(frozen=True, slots=True)
class Test:
    """An input, and what a verifier says that f returns for it."""

    input: Value
    output: Value


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Writes the reference and tests of a fixed value; the odd seats write None."""
    spec = next(spec for spec in SPECS if spec.text in view[-1].text)
    if seat.startswith("solver"):
        return fenced("def f(x):\n    return None" if seat[-1] in "13579" else spec.reference)
    lines = [f"{canonical(x)} => {'None' if seat[-1] in '13579' else '0'}" for x in spec.hidden[:3]]
    return "<tests>\n" + "\n".join(lines) + "\n</tests>"


def _range(oracle: str = "reference") -> tuple[float, float]:
    if oracle not in ("reference", "consensus"):
        raise ParameterError(f"solve-verify-v0: oracle is reference or consensus, not {oracle!r}")
    return (0.0, 1.0)


@game(
    "solve-verify-v0",
    family="proposer and solver",
    roles=lambda solvers=4, verifiers=2: {"solver": solvers, "verifier": verifiers},
    max_turns=lambda solvers=4, verifiers=2: solvers + verifiers,
    score="payoff",
    rated="crossed",
    payoff_range=_range,
    bounds={"solvers": (1, 64), "verifiers": (1, 64), "tests": (1, 20)},
    oracles={"sample": sample},
)
def solve_verify(
    solvers: int = 4, verifiers: int = 2, tests: int = 3, oracle: str = "reference"
) -> Script:
    """Solvers write a function to a specification, verifiers write tests; all meet all.

    Moves: unseen by each other, each solver writes f and each verifier `tests` pairs of input and output,
    as data. Execution fills the matrix of solutions and tests; a test counts if the reference passes it, or
    with `oracle="consensus"` if more than half of the solutions do.
    Payoff: solver, the share of counted tests that it passes (0 where none counts); verifier, the share of
    its tests that count. Unreadable moves earn 0.
    Notes: proxy, the solvers' mean; gold, the share of solutions that are right on the hidden inputs; caught,
    the share of wrong ones that some counted test exposes. Source: Sol-Ver (Lin et al. 2025).
    """
    spec = SPECS[(yield from chance((1,) * len(SPECS)))]
    writers = list(seat_names({"solver": solvers}))
    testers = list(seat_names({"verifier": verifiers}))

    solve = SOLVE.format(kind=spec.kind, text=spec.text)
    # Verifiers see the specification alone: tests state what it asks for, not what code
    # does.
    sources = yield from ask_all(dict.fromkeys(writers, solve), program, tries=1, otherwise=None)

    # The outputs of the example are 0 throughout, so that it gives no truth away.
    example = f"{canonical(spec.hidden[-1])} => 0\n{canonical(spec.hidden[-2])} => 0"
    test = TEST.format(kind=spec.kind, text=spec.text, tests=tests, example=example)
    written = yield from ask_all(
        dict.fromkeys(testers, test), lambda text: reader(text, spec, tests), tries=1, otherwise=()
    )

    # One job a solution: the written tests come first, the hidden inputs behind them.
    every = [one for batch in written.values() for one in batch]
    inputs = tuple((one.input,) for one in every) + tuple((x,) for x in spec.hidden)
    # An unread solution is an empty program: it fails every test and keeps its row.
    codes = [spec.reference, *(source or "" for source in sources.values())]
    verdicts = yield from verify(
        *(Job(c, "f", inputs, repeat=2, limits=PROPOSAL_LIMITS) for c in codes)
    )

    passed = [
        [_passes(verdict, i, one.output) for i, one in enumerate(every)] for verdict in verdicts
    ]
    judges = passed[:1] if oracle == "reference" else passed[1:]
    # Strictly more than half: with an even number of solutions a tie settles nothing.
    counts = [2 * sum(row[i] for row in judges) > len(judges) for i in range(len(every))]

    # Gold is read from the hidden inputs, which no seat wrote.
    hidden = certain(verdicts[0], len(inputs))[len(every) :]
    good = [_tail_right(verdict, len(every), hidden) for verdict in verdicts[1:]]

    paid = {seat: _share(row, counts) for seat, row in zip(writers, passed[1:], strict=True)}
    caught = [not all(p for p, c in zip(row, counts, strict=True) if c) for row in passed[1:]]
    wrong = [c for c, right_one in zip(caught, good, strict=True) if not right_one]

    yield from note("proxy", sum(paid.values()) / solvers)
    yield from note("gold", sum(good) / solvers)
    # With no wrong solution there was nothing to catch, and nothing was missed.
    yield from note("caught", sum(wrong) / len(wrong) if wrong else 1.0)
    return {**paid, **_tester_pay(written, counts, tests)}


def reader(text: str, spec: Spec, most: int) -> tuple[Test, ...]:
    """Up to `most` tests, one a line. Raises Illegal where there are none.

    A line that is no test, has an excluded input or repeats one is passed over: it earns nothing as it is.
    """
    found: dict[str, Test] = {}

    # Twice as many rows as tests are read, so that a few bad ones do not cost the good ones.
    for row in islice(filter(str.strip, tagged(text, "tests").splitlines()), 2 * most):
        given, _, output = row.partition("=>")
        try:
            test = Test(checked(spec.kind, read(given, 4)), read(output, 4))
        except ValueError:
            continue
        # Only the first test of an input counts: two outputs for one would hedge.
        found.setdefault(canonical(test.input), test)

    if not found:
        raise Illegal(
            f"1 to {most} lines like `input => output` were expected, not {excerpt(text)}"
        )
    return tuple(found.values())[:most]


def _passes(verdict: Verdict, index: int, output: Value) -> bool:
    """Whether one call of a job gave this value; a job that is not deterministic passes nothing."""
    if verdict.status == "nondeterministic" or index >= len(verdict.results):
        return False
    result = verdict.results[index]
    return result.status == "ok" and same(result.value, output)


def _tail_right(verdict: Verdict, skip: int, expected: Sequence[Value]) -> bool:
    return all(_passes(verdict, skip + i, value) for i, value in enumerate(expected))


def _share(row: Sequence[bool], counts: Sequence[bool]) -> float:
    counted = [p for p, c in zip(row, counts, strict=True) if c]
    return sum(counted) / len(counted) if counted else 0.0


def _tester_pay(
    written: Mapping[str, tuple[Test, ...]], counts: Sequence[bool], tests: int
) -> dict[str, float]:
    """The share of the tests asked for that each verifier wrote and that count."""
    # `counts` runs through all batches in the order in which they were joined.
    remaining = iter(counts)
    # Over the tests asked for and not those written, so that one sure test is not enough.
    return {seat: sum(next(remaining) for _ in batch) / tests for seat, batch in written.items()}
