"""The same job is run once, and only the same."""

from sparring.envs.types import Job, Limits

from ..conftest import opened


def test_an_unchanged_job_is_run_once() -> None:
    again = opened("local", size=1)
    assert again.cache is not None
    jobs = [Job("print(1)"), Job("print(2)"), Job("print(1)")]
    first = again.run(jobs)
    assert [verdict.stdout for verdict in first] == ["1\n", "2\n", "1\n"]
    assert again.counters().runs == 2
    assert again.run(jobs) == first
    assert again.counters().runs == 2
    again.run(
        [
            Job("print(1)", limits=Limits(megabytes=99)),
            Job("print(1)", stdin="x"),
            Job("print(1)", repeat=2),
        ]
    )
    assert again.counters().runs == 6
    again.run([Job("while True: pass", limits=Limits(seconds=0.2))])
    again.run([Job("while True: pass", limits=Limits(seconds=0.2))])
    assert again.counters().statuses["timeout"] == 2, (
        "a timeout may be the machine's fault: never kept"
    )
    again.shut()


def test_zero_and_minus_zero_are_different_jobs() -> None:
    pool = opened("local", size=1)
    jobs = [
        Job("import math\ndef f(x): return math.copysign(1, x)", "f", ((zero,),))
        for zero in (0.0, -0.0)
    ]
    assert [verdict.results[0].value for verdict in pool.run(jobs)] == [1.0, -1.0]
    pool.shut()
