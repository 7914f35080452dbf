"""What a child says of its results is read in bounded time and depth, however this interpreter is set."""

import subprocess
import sys

import pytest
from sparring.envs.types import Job, Result, Value
from sparring.envs.values import same
from sparring.sandbox import claims
from sparring.sandbox.pool.verifier import Pooled
from sparring.sandbox.verdicts import Reply, verdict

JOB = Job("def f(x): return x", "f", ((1,),))


def said(record: str) -> Reply:
    body = record.encode()
    return Reply(0, 0, 0.1, 0.1, b"", b"", len(body).to_bytes(4, "little") + body)


LOOSE = """
import sys
sys.setrecursionlimit(10**6)
sys.set_int_max_str_digits(0)
from sparring.sandbox.verdicts import Reply, verdict
from sparring.envs.types import Job
body = eval(sys.argv[1])
reply = Reply(0, 0, 0.1, 0.1, b"", b"", len(body).to_bytes(4, "little") + body)
print(verdict(Job("", "f", ((1,),)), reply).status)
"""


@pytest.mark.parametrize(
    "record",
    [
        "b'[' * 1_900_000",
        "b'[[0,' * 500_000",
        "b'{\"a\":' * 300_000",
        "b'[[0,\"\\\\\\\\\",' + b'[' * 10**6",
        "b'[[0,' + b'9' * 300_000 + b']]'",
    ],
    ids=["lists", "lists of two", "objects", "after a text", "digits"],
)
def test_a_record_is_no_danger_to_a_client_that_lifted_its_interpreters_bounds(record: str) -> None:
    command = [sys.executable, "-c", LOOSE, record]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "invalid\n"), told


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ('[[0,"' + "[" * 9000 + '"]]', "[" * 9000),
        ('[[0,"' + '\\"[{' * 3000 + '"]]', '"[{' * 3000),
        ('[[0,"' + "\\\\" * 3000 + '"]]', "\\" * 3000),
        ('[[0,"' + "9" * 9000 + '"]]', "9" * 9000),
        ('[[0,["' + "x" * 9000 + '",' + "[" * 60 + "]" * 60 + "]]]", None),
    ],
    ids=["brackets", "quotes", "backslashes", "digits", "sixty deep"],
)
def test_what_only_looks_deep_or_long_inside_a_text_is_a_value(record: str, value: Value) -> None:
    came = verdict(JOB, said(record))
    assert came.status == "ok", came.detail
    assert value is None or same(came.results[0].value, value)


@pytest.mark.parametrize(
    "record",
    [
        "[[0,[" + "[[]]," * 345_000 + "[]]]]",
        "[[0,[" + '{"frozenset":[]},' * 80_000 + "[]]]]",
        '[[0,"' + "x" * (1024 << 10) + "x" * 20_000 + '"]]',
    ],
    ids=["lists", "sets", "text"],
)
def test_a_record_larger_than_its_limit_allows_is_not_even_read(
    record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_JSON", None)
    assert "record" in verdict(JOB, said(record)).detail


def test_whatever_a_record_does_to_its_reader_is_the_programs_doing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(claims, "_check_bounds", lambda *given: 1 / 0)
    assert (verdict(JOB, said("[[0,1]]")).status, verdict(JOB, said("")).status) == (
        "invalid",
        "invalid",
    )


def test_the_largest_record_of_an_honest_child_is_read(verifier: Pooled) -> None:
    crowded = [
        "[[] for _ in range(87_000)]",
        "[frozenset() for _ in range(61_000)]",
        "[(), {}] * 40_000",
        "'\\x00' * 174_000",
        "[0] * 520_000",
    ]
    jobs = [Job(f"def f(x): return {value}", "f", ((1,),)) for value in crowded]
    assert [came.status for came in verifier.run(jobs)] == ["ok"] * len(jobs)


def test_the_deepest_value_passes_beside_a_long_one() -> None:
    """Dicts take the most brackets for a level."""
    deep = '{"dict":[[1,' * 63 + "1" + "]]}" * 63
    came = verdict(Job("", "f", ((1,), (2,))), said(f'[[0,"{"x" * 9000}"],[0,{deep}]]'))
    assert [result.status for result in came.results] == ["ok", "ok"], came.detail
    assert came.results[0] == Result("ok", "x" * 9000)
