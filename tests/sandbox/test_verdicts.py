"""What jobs come to, on both executors."""

import asyncio
import math
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import pytest
from sparring.envs.types import Job, Limits, Result
from sparring.envs.values import same
from sparring.sandbox import VerifierError, open_verifier
from sparring.sandbox.pool.verifier import Pooled
from sparring.sandbox.runner.wire import INPUTS

from ..conftest import opened

SHORT = Limits(seconds=0.5)


def test_each_input_gets_its_result_in_order(verifier: Pooled) -> None:
    job = Job("def f(a, b=2): return a + b", "f", ((1,), (1, 1), ("x", "y")))
    (verdict,) = verifier.run([job])
    assert verdict.status == "ok"
    assert verdict.results == (Result("ok", 3), Result("ok", 2), Result("ok", "xy"))


def test_a_program_reads_stdin_and_prints(verifier: Pooled) -> None:
    text = (
        "import sys\nprint(sum(map(int, sys.stdin.read().split())))\nprint('oops', file=sys.stderr)"
    )
    (verdict,) = verifier.run([Job(text, stdin="1 2 3\n")])
    assert (verdict.status, verdict.stdout, verdict.stderr) == ("ok", "6\n", "oops\n")


def test_a_large_stdin_and_a_large_value_pass(verifier: Pooled) -> None:
    (verdict,) = verifier.run([Job("print(len(open(0).read()))", stdin="x" * 3_000_000)])
    assert verdict.stdout == "3000000\n"
    (verdict,) = verifier.run([Job("def f(s): return s * 2", "f", (("y" * 400_000,),))])
    assert verdict.results[0].value == "y" * 800_000


def test_every_kind_of_value_goes_in_and_comes_back(verifier: Pooled) -> None:
    value: list[Any] = [
        None,
        True,
        10**50,
        -3,
        1.5,
        math.inf,
        math.nan,
        "é\ud800",
        b"\0\xff",
        (1, [2]),
    ]
    value += [{(1, "a"): {2.5}}, {1}, frozenset({b""}), {}, set()]
    (verdict,) = verifier.run([Job("def f(x): return x", "f", ((value,),))])
    assert same(verdict.results[0].value, value)


def test_a_large_value_is_compared_with_its_repetition(verifier: Pooled) -> None:
    wide = Limits(seconds=20, value_kilobytes=4096)
    large = Job("def f(x): return 'x' * 3_000_000", "f", ((1,),), repeat=2, limits=wide)
    first, second = verifier.run([large, Job("print(1)")])
    assert (first.status, second.stdout) == ("ok", "1\n"), first.detail


def test_a_chain_of_attributes_loses_no_batch(verifier: Pooled) -> None:
    source = f"def f(x):\n  if x: return 1\n  x{'.b' * 2000}"
    (verdict,) = verifier.run([Job(source, "f", ((1,),), repeat=2)])
    assert verdict.results[0].value == 1


def test_an_exception_is_printed_by_its_beginning_and_its_end(verifier: Pooled) -> None:
    (verdict,) = verifier.run([Job("try: 1 / 0\nfinally: raise ValueError('x' * 200_000 + 'y')")])
    assert "ZeroDivisionError" in verdict.stderr
    assert "ValueError: xxx" in verdict.stderr
    assert len(verdict.stderr) < 10_000


def test_what_honest_programs_try_in_vain_is_no_attempt(verifier: Pooled) -> None:
    tries = [
        "os.fork()",
        "os.system('true')",
        "subprocess.run(['true'])",
        "os.kill(os.getpid(), signal.SIGSYS)",
    ]
    verdicts = verifier.run([Job(f"import os, signal, subprocess\n{line}") for line in tries])
    assert [verdict.forbidden for verdict in verdicts] == [0] * len(tries)
    assert {verdict.status for verdict in verdicts} <= {"ok", "error"}


def test_the_halves_of_a_pair_are_not_the_character(verifier: Pooled) -> None:
    halves = "\ud83d\ude00"
    returned = Job(
        "def f(x): return ['\\ud83d\\ude00', len(x), {x: 1}]", "f", ((halves,), ("\U0001f600",))
    )
    (verdict,) = verifier.run([returned])
    assert [result.value for result in verdict.results] == [
        [halves, 2, {halves: 1}],
        [halves, 1, {"\U0001f600": 1}],
    ]
    written, meant = verifier.run([Job(f"print(len('{text}'))") for text in (halves, "\U0001f600")])
    assert (written.status, meant.stdout) == ("error", "1\n"), (
        "two programs, two entries of the cache"
    )


def test_thousands_of_honest_failures_are_no_forgery(verifier: Pooled) -> None:
    small = Limits(seconds=20, value_kilobytes=1)
    many = tuple((i,) for i in range(3000))
    (verdict,) = verifier.run(
        [Job("def f(x): raise ValueError('é' * 600)", "f", many, limits=small)]
    )
    assert (verdict.status, verdict.forbidden) == ("error", 0), verdict.detail
    assert {result.status for result in verdict.results} == {"error"}
    assert verdict.detail.startswith("ValueError: éé")


def test_as_many_inputs_as_are_let_in_come_back_and_more_are_refused(verifier: Pooled) -> None:
    most = tuple((None,) for _ in range(INPUTS))
    fits, over = (Job("def f(x): return x", "f", each) for each in (most, (*most, (None,))))
    first, second = verifier.run([fits, over])
    assert (first.status, len(first.results)) == ("ok", INPUTS), first.detail
    assert second.status == "refused"


def test_one_failing_call_leaves_the_others_alone(verifier: Pooled) -> None:
    (verdict,) = verifier.run([Job("def f(x): return 1 / x", "f", ((1,), (0,), (2,)))])
    assert [result.status for result in verdict.results] == ["ok", "error", "ok"]
    assert verdict.status == "error"
    assert verdict.detail == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (Job("x ="), "error"),
        (Job("def g(): pass", "f", ((),)), "error"),
        (Job("while True: pass", limits=SHORT), "timeout"),
        (Job("while True: pass", limits=Limits(seconds=60, cpu_seconds=1)), "cpu"),
        (Job("print('x' * 100_000)"), "output_limit"),
        (Job("x = bytearray(400 << 20)"), "memory"),
        (Job("import os; os._exit(0)"), "no_result"),
        (Job("import os; os._exit(3)"), "crash"),
        (Job("import os; os.abort()"), "crash"),
        (Job("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)"), "forbidden"),
        (Job("import os; os.fork()"), "error"),
        (Job("import subprocess; subprocess.run(['true'])"), "error"),
        (Job("{}['x']"), "error"),
        (Job("raise ValueError('x' * 200_000)"), "error"),
        (Job("raise SystemExit('x' * 200_000)"), "error"),
        (Job("import os\nos.write(3, b'junk')"), "invalid"),
        (Job("def f(): return object()", "f", ((),)), "invalid"),
        (Job("def f(): return [0] * 10**7", "f", ((),)), "output_limit"),
        (Job("x" * 2_000_000), "refused"),
        (Job("pass", limits=Limits(seconds=-1)), "refused"),
        (Job("pass", repeat=0), "refused"),
    ],
    ids=lambda case: case if isinstance(case, str) else case.source[:24],
)
def test_statuses(verifier: Pooled, job: Job, status: str) -> None:
    (verdict,) = verifier.run([job])
    assert verdict.status == status, verdict


ODD: dict[str, Any] = {
    "megabytes in halves": {"limits": Limits(megabytes=cast(Any, 1.5))},
    "values in halves": {"limits": Limits(value_kilobytes=cast(Any, 1.5))},
    "output in halves": {"limits": Limits(output_kilobytes=cast(Any, 0.5))},
    "megabytes as text": {"limits": Limits(megabytes=cast(Any, "x"))},
    "seconds that are no number": {"limits": Limits(seconds=math.nan)},
    "endless seconds": {"limits": Limits(seconds=math.inf)},
    "no processor time": {"limits": Limits(cpu_seconds=0)},
    "an entry that is a number": {"entry": 5},
    "stdin that is a number": {"stdin": 7},
    "source that is bytes": {"source": b"pass"},
    "a judge that is a number": {"judge": 5},
    "an input that is no tuple": {"inputs": (5,)},
    "an object among the inputs": {"inputs": ((object(),),)},
    "half a repetition": {"repeat": 2.5},
    "a million repetitions": {"repeat": 10**6},
    "too much in all": {"inputs": tuple((" " * (6 << 20),) for _ in range(6))},
    "too much to read": {"stdin": " " * (33 << 20)},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_job_is_refused_and_harms_nobody(verifier: Pooled, name: str) -> None:
    plain: dict[str, Any] = {"source": "def f(x): return x", "entry": "f", "inputs": ((1,),)}
    odd, beside = Job(**{**plain, **ODD[name]}), Job(**plain, limits=Limits(megabytes=199))
    before = verifier.counters().restarts
    first, second, third = verifier.run(
        [beside, odd, replace(beside, source="def f(x): return -x")]
    )
    assert second.status == "refused", second
    assert second.detail
    assert (first.results[0].value, third.results[0].value) == (1, -1)
    assert verifier.counters().restarts == before


@pytest.mark.docker
def test_a_job_larger_than_its_container_is_refused_with_what_to_do() -> None:
    pool = opened("docker", size=1)
    fits, large = (Job("print(1)", limits=Limits(megabytes=size)) for size in (896, 897))
    first, second = pool.run([fits, large])
    pool.shut()
    assert first.status == "ok"
    assert second.status == "refused"
    assert "at most 896 MiB" in second.detail


def test_objects_that_inputs_share_are_apart_for_the_program(verifier: Pooled) -> None:
    shared: list[Any] = []
    job = Job(
        "def f(x, y):\n    x.append(1)\n    return x, y", "f", ((shared, shared), (shared, shared))
    )
    assert [result.value for result in verifier.run([job])[0].results] == [([1], []), ([1], [])]


def test_what_a_program_says_of_itself_is_one_printable_line(verifier: Pooled) -> None:
    (verdict,) = verifier.run(
        [Job("def f(): raise ValueError('a\\nb\\x1b[2J\\ud800\\u202e  c' * 99)", "f", ((),))]
    )
    assert verdict.detail.startswith("ValueError: a b [2J c")
    assert verdict.detail.isprintable()
    assert len(verdict.detail) <= 500


def test_output_before_stdout_was_replaced_is_not_lost(verifier: Pooled) -> None:
    (verdict,) = verifier.run(
        [Job("import io, sys\nprint('a')\nsys.stdout = io.StringIO()\nprint('b')")]
    )
    assert verdict.stdout == "a\n"


def test_a_caller_who_changes_a_value_changes_nobody_elses(verifier: Pooled) -> None:
    job = Job("def f(x): return [x]", "f", (("mine",),))
    first, second = verifier.run([job, job])
    cast(list[Any], first.results[0].value).append("forged")
    assert second.results[0].value == ["mine"]
    assert verifier.run([job])[0].results[0].value == ["mine"]


@pytest.mark.parametrize(
    "source",
    [
        "def f(x): return list({'a', 'b', 'c', 'd', 'e', x})",
        "def f(x): return hash('a' + x)",
        "def f(x): return id(object())",
        "import random\ndef f(x): return random.random()",
        "import time\ndef f(x): return time.time_ns()",
        "n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
    ],
)
def test_a_program_that_differs_between_processes_is_nondeterministic(
    verifier: Pooled, source: str
) -> None:
    job = Job(source, "f", (("x",), ("y",)), repeat=2)
    assert verifier.run([job])[0].status == "nondeterministic"


def test_a_deterministic_program_stays_ok_when_repeated(verifier: Pooled) -> None:
    job = Job("def f(x): return sorted({'a', 'b', x}), {x, 'b'}", "f", (("x",), ("y",)), repeat=2)
    assert verifier.run([job])[0].status == "ok"


def test_a_judge_sees_values_only_as_data(verifier: Pooled) -> None:
    judge = "def judge(value): return value == 4"
    honest = Job("def f(x): return x * x", "f", ((2,), (3,)), judge=judge)
    always = (
        "class Always(int):\n    def __eq__(self, other): return True\ndef f(x): return Always(1)"
    )
    liar = Job(always, "f", ((2,),), judge=judge)
    first, second = verifier.run([honest, liar])
    assert [result.value for result in first.results] == [True, False]
    assert second.status == "invalid"
    assert second.results[0].value is None


def test_any_event_loop_may_use_the_verifier(verifier: Pooled) -> None:
    for _ in range(3):
        verdicts = asyncio.run(verifier.verify([Job("print(1)")] * 3))
        assert [verdict.status for verdict in verdicts] == ["ok"] * 3


def test_a_stream_yields_each_verdict_with_its_index(verifier: Pooled) -> None:
    async def statuses() -> dict[int, str]:
        jobs = [Job("while True: pass", limits=SHORT), Job("pass"), Job("1/0")]
        return {index: verdict.status async for index, verdict in verifier.stream(jobs)}

    assert asyncio.run(statuses()) == {0: "timeout", 1: "ok", 2: "error"}


def test_cancelling_kills_what_runs(verifier: Pooled) -> None:
    async def cancel() -> None:
        task = asyncio.create_task(
            verifier.verify(
                [Job("while True: pass", limits=Limits(seconds=60, cpu_seconds=60))] * 4
            )
        )
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())
    assert asyncio.run(asyncio.wait_for(verifier.verify([Job("pass")] * 4), 60))[3].status == "ok"


def test_short_runs_do_not_wait_behind_a_long_one(verifier: Pooled) -> None:
    async def first() -> list[int]:
        long = Job("import time; time.sleep(60)", limits=Limits(seconds=60))
        came: list[int] = []
        stream: Any = verifier.stream([long, *[Job("pass", limits=Limits(seconds=60))] * 20])
        async with aclosing(stream):
            async for index, _ in stream:
                came.append(index)
                # the long one is cut off: whatever the load, the others came before it
                if len(came) == 20:
                    break
        return came

    assert sorted(asyncio.run(first())) == list(range(1, 21))


def test_docker_without_an_engine_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(VerifierError, match="DOCKER_HOST"):
        open_verifier("docker")
    chosen = open_verifier("auto", size=1)
    assert chosen.name.startswith("local(")
    chosen.shut()
    with pytest.raises(VerifierError, match="auto, docker, local"):
        open_verifier("podman")
