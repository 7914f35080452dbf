"""The gate on a real sandbox: what depends on chance or surroundings is refused, the honest passes."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import pytest
from sparring.envs.tasks import elsewhere as elsewhere_file
from sparring.envs.tasks.gate import attempted, trial
from sparring.envs.tasks.proposing import tried, withdrawn
from sparring.envs.types import Result, Verdict

_spec = importlib.util.spec_from_file_location(
    "gate_benchmark", Path(__file__).parents[3] / "benchmarks/gate.py"
)
assert _spec
assert _spec.loader
bench = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bench)


@pytest.mark.parametrize("title", bench.IMPURE)
def test_what_has_no_one_value_is_refused(verifier, title):
    assert not bench.ruled(verifier, bench.IMPURE[title]).admitted


@pytest.mark.parametrize("title", bench.HONEST)
def test_what_is_honest_is_admitted(verifier, title):
    ruling = bench.ruled(verifier, bench.HONEST[title])
    assert ruling.admitted, ruling


def test_the_answer_key_comes_from_execution(verifier):
    assert bench.ruled(verifier, "def f(a, b):\n    return [a] * b", [(1, 2), ("x", 0)]).values == (
        [1, 1],
        [],
    )


def test_a_copy_is_refused_before_it_runs(verifier):
    ruling = bench.ruled(None, "def f(y):\n    return y", buffer=["def f(x):\n    return x"])
    assert ruling.reason == "near_copy"


def test_a_self_test_is_type_exact(verifier):
    check = "def f(x):\n    return x == 3"
    assert bench.ruled(verifier, check, [(3,), (4,)], expected=[True, False]).admitted
    assert bench.ruled(verifier, check, [(3,), (4,)], expected=[True, True]).reason == "self_test"
    assert bench.ruled(verifier, "def f(x):\n    return 1", expected=[True]).reason == "self_test"


def test_a_second_of_two_inputs_that_fails_refuses(verifier):
    assert bench.ruled(verifier, "def f(x):\n    return 1 // x", [(1,), (0,)]).reason == "failed"


OK, ERROR, SLOW = (
    lambda *values: Verdict("ok", tuple(Result("ok", value) for value in values)),
    lambda count: Verdict("error", (Result("error"),) * count),
    lambda count: Verdict("timeout", (Result("timeout"),) * count),
)


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        (OK(7, 7), OK(7, 7, 7), True),
        (OK(5, 5), OK(5, 5, 5), False),
        (ERROR(2), ERROR(3), False),
        (SLOW(2), OK(7, 7, 7), False),
        (OK(7, 8), OK(7, 8, 7), None),
        (OK(7, 7), OK(8, 8, 8), None),
        (OK(7, 7), OK(7, 7, 8), None),
        (OK(7, 7), ERROR(3), None),
        (ERROR(2), OK(7, 7, 7), None),
        (OK(7, 7), SLOW(3), None),
        (Verdict("nondeterministic", (Result("nondeterministic"),) * 2), OK(7, 7, 7), None),
    ],
)
def test_an_admitted_program_that_changes_its_mind_is_not_the_solvers_fault(here, there, found):
    assert attempted(here, there, 7) is found


def test_an_admitted_program_is_run_again_in_the_form_of_the_gate():
    asked, again = trial("def f(x): return x", [(1,)]), trial("def f(x): return x", [(2,)])
    assert [(len(job.inputs), job.repeat, job.source) for job in asked] == [
        (len(job.inputs), job.repeat, job.source) for job in again
    ]
    assert asked[0].source != asked[1].source


def test_the_clock_of_elsewhere_tells_dates_as_the_library_does():
    names: dict[str, Any] = {}
    exec(Path(elsewhere_file.__file__).read_text(), names)
    for at in (0, -1, 951782399, 951782400, 1709251199, 4107542400, -2208988800, 10**10):
        parts = time.gmtime(at)
        assert names["_date"](at) == (*parts[:3], *parts[6:8])
        assert names["_seconds"](parts) == at


def test_a_puzzle_that_goes_by_the_clock_for_others_pays_as_if_refused(verifier):
    year = time.gmtime().tm_year
    source = f"import time\ndef sat(x):\n    return x == 7 or time.gmtime().tm_year == {year}"
    assert bench.ruled(verifier, source, [(7,)], entry="sat", expected=[True]).admitted
    answers = {"solver_1": (7,), "solver_2": (8,)}
    assert bench.driven(verifier, tried(source, answers, True, entry="sat")) is None
    assert withdrawn(["solver_1"]) == {"proposer": -1.0, "solver_1": 0.0}
    assert withdrawn(["solver_1"], known=True) == {"proposer": 0.0, "solver_1": 0.0}
