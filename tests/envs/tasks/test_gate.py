"""The gate on a real sandbox: what depends on chance or surroundings is refused, the honest passes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

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
