"""Programs judged by tests that they never meet: both run in the sandbox, each in processes of its own.

A test in HumanEval's form is a function `check(candidate)` that calls the candidate and asserts. Run beside
the candidate it can be fooled: the candidate may end the process, or return a value that equals everything.
So the test is run without it. A first run records which arguments the test calls with; the candidate is
called with these and gives plain values; a last run of the test reads them from a table.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from ..registry import GameError
from ..script import Steps, verify
from ..types import Job, Value, Verdict
from .shapes import tree

ROUNDS = 4
"""Times that a test may ask for values which its calls before have led to."""
CALLS = 1_000
"""Calls of one test at most."""

_RUN = '''

def _sparring_run(known, most):
    """What the test says of a candidate that gives these values: [passed, calls without a value]."""
    from copy import deepcopy

    def key(value):
        if isinstance(value, (set, frozenset)):
            return type(value).__name__, sorted(map(repr, map(key, value)))
        if isinstance(value, (list, tuple)):
            return type(value).__name__, list(map(key, value))
        if isinstance(value, dict):
            return "dict", [(key(k), key(v)) for k, v in value.items()]
        if type(value) is Unknown:
            raise LookupError
        return type(value).__name__, repr(value)

    class Unknown:
        """In the place of a value that is not known yet: whatever is asked of it holds."""

        __hash__ = lambda self: 0
        __bool__ = lambda self: True
        __len__ = lambda self: 0
        __iter__ = lambda self: iter(())
        __int__ = __index__ = lambda self: 0
        __float__ = lambda self: 0.0
        __getattr__ = lambda self, name: self

    for name in "eq ne lt le gt ge contains".split():
        setattr(Unknown, f"__{name}__", lambda self, other: True)
    signs = "add sub mul truediv floordiv mod pow and or xor lshift rshift matmul divmod"
    names = [f"{before}{sign}" for sign in signs.split() for before in ("", "r")]
    for name in [*names, "neg", "pos", "abs", "invert", "round", "call", "getitem"]:
        setattr(Unknown, f"__{name}__", lambda self, *given: self)

    table = {repr(key(given)): (well, value) for given, well, value in known}
    missing = {}

    def candidate(*given):
        try:
            name = repr(key(given))
        except LookupError:  # a call with what is not known yet is heard in the next round
            return Unknown()
        if name in table:
            well, value = table[name]
            if not well:
                raise RuntimeError("the program gives no value")
            return deepcopy(value)
        if len(missing) == most:
            raise OverflowError("too many calls")
        missing[name] = deepcopy(given)
        return Unknown()

    try:
        check(candidate)
        passed = True
    except Exception:
        passed = False
    return [passed, list(missing.values())]
'''


@dataclass(frozen=True, slots=True)
class Problem:
    """The beginning of a program, the function that is wanted, and the test of it."""

    prompt: str
    entry: str
    test: str
    solution: str = ""


def test_fault(test: str) -> str:
    """Why this text can be no test, or ""."""
    try:
        parsed = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        where = f", its line {fault.lineno}" if isinstance(fault, SyntaxError) else ""
        return f"'test' is no Python ({type(fault).__name__}{where})"
    checks = [node for node in parsed.body if isinstance(node, ast.FunctionDef)]
    if not any(node.name == "check" for node in checks):
        return "'test' defines no `check(candidate)`"
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call) and node.keywords and ast.unparse(node.func) == "candidate":
            return f"'test' calls the candidate by keyword ({ast.unparse(node)[:60]}); give values by place"
    return ""


def passes(problem: Problem, source: str) -> Steps[bool]:
    """Whether the program passes the test. Raises GameError where the test itself cannot be run."""
    (recorded,) = yield from verify(_tested(problem, _recording(problem.test), []))
    _, calls = _said(problem, recorded)

    known: list[Value] = []
    for _ in range(ROUNDS):
        (verdict,) = yield from verify(Job(source, problem.entry, tuple(calls)))
        known += _table(calls, verdict)
        (judged,) = yield from verify(_tested(problem, problem.test, known))
        # A value may be such that the test breaks its limits on it: that is the program's fault.
        if judged.status != "ok":
            return False
        passed, calls = _said(problem, judged)
        if not calls:
            return passed
    return False


def _table(calls: Sequence[tuple[Value, ...]], verdict: Verdict) -> list[Value]:
    """[arguments, whether there is a value, the value] of each call; a job cut off has fewer results."""
    results = [*verdict.results, *[None] * len(calls)]
    return [
        [given, bool(result and result.status == "ok"), result.value if result else None]
        for given, result in zip(calls, results, strict=False)
    ]


def _tested(problem: Problem, test: str, known: Sequence[Value]) -> Job:
    # The prompt comes too: a test may use the helpers that stand in it.
    helpers = problem.prompt if tree(problem.prompt) else ""
    source = f"{helpers}\n\n{test}\n{_RUN}"
    return Job(source, "_sparring_run", (([*known], CALLS),))


def _said(problem: Problem, verdict: Verdict) -> tuple[bool, list[tuple[Value, ...]]]:
    """Whether the test passed, and which calls had no value."""
    if verdict.status != "ok" or not verdict.results or verdict.results[0].status != "ok":
        raise GameError(
            f"the test of {problem.entry} cannot be run: {verdict.detail or verdict.status}"
        )
    passed, calls = cast("tuple[bool, list[tuple[Value, ...]]]", verdict.results[0].value)
    return passed, calls


def _recording(test: str) -> str:
    """The test, in which a failed assertion ends nothing: all its calls are heard in one run."""

    class Softer(ast.NodeTransformer):
        def visit_Assert(self, node: ast.Assert) -> ast.Try:
            nothing = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])
            return ast.Try([ast.Expr(node.test)], [nothing], [], [])

    return ast.unparse(ast.fix_missing_locations(Softer().visit(ast.parse(test))))
