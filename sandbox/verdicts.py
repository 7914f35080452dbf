"""From what a supervisor replies to verdicts. Pure functions; nothing is trusted.

A *run* is one child process. A job takes one run, `repeat` runs, or one more for its judge.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from ..envs.types import Job, Result, Status, Value, Verdict
from ..envs.values import same
from .claims import SEVERITY, claims, worst
from .clock_reads import clock_reads
from .request import Run
from .runner import wire

REPEATS: Final = 16
"""How often a job may be run at most."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A supervisor's reply, as it came."""

    fate: int
    wait_status: int
    wall_seconds: float
    cpu_seconds: float
    stdout: bytes
    stderr: bytes
    record: bytes


def failed(job: Job, status: Status, detail: str) -> Verdict:
    """A verdict that has the same status for every input."""
    return Verdict(status, tuple(Result(status) for _ in job.inputs), detail=detail)


def verdict(job: Job, reply: Reply) -> Verdict:
    """The verdict on one run. How the child ended outranks whatever it claimed."""
    status, detail = _ending(job, reply)
    results = tuple(Result(status) for _ in job.inputs)

    # What the telemetry counts: a forbidden call, or a record that no honest child writes.
    forbidden = int(status == "forbidden")

    if status == "ok":
        try:
            status, results, detail = claims(job, reply.record)
        except Exception as fault:
            # Whatever a record does to its reader is the program's doing, and no fault of ours.
            status, detail, forbidden = "invalid", f"no valid record came back: {fault}"[:300], 1
            results = tuple(Result(status) for _ in job.inputs)

    stdout, stderr = (data.decode("utf-8", "replace") for data in (reply.stdout, reply.stderr))
    return Verdict(
        status, results, stdout, stderr, reply.wall_seconds, forbidden, _one_line(detail)
    )


def _one_line(text: str) -> str:
    """Text as one line of what can be printed: a program's own words may end up in a prompt or a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:500]).split())


def _ending(job: Job, reply: Reply) -> tuple[Status, str]:
    """How the child ended: by what the supervisor did, then by what the kernel says."""
    limits = job.limits
    if reply.fate == wire.FAILED:
        said = reply.stderr[:200].decode("utf-8", "replace")
        return "infra", f"the run was not carried out: {said or 'no child was locked in'}"
    if reply.fate == wire.SERVER_LOST:
        return "infra", "what forks the programs was killed while this one ran"
    if reply.fate == wire.DEADLINE:
        return "timeout", f"not done after {limits.seconds:g} s"
    if reply.fate == wire.OUTPUT:
        return "output_limit", f"more than {limits.output_kilobytes} KiB of output"
    if reply.fate == wire.THREADS:
        return "memory", f"more than {wire.THREADS_AT_ONCE} threads at once"
    if reply.fate != wire.ENDED and reply.fate != wire.RECORD:
        return "infra", "the run was not carried out"

    code = os.waitstatus_to_exitcode(reply.wait_status)
    if code < 0 and reply.fate == wire.ENDED:
        return _killed(-code, reply, limits.cpu_seconds)
    if code == wire.EXIT_MEMORY:
        return "memory", f"more than {limits.megabytes} MiB of memory"
    if code > 0:
        return "crash", f"the process left with code {code}"
    if not reply.record:
        return "no_result", "the process left before its result"
    return "ok", ""


def _killed(number: int, reply: Reply, cpu_limit: float) -> tuple[Status, str]:
    name = signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"
    if number == signal.SIGSYS:
        return "forbidden", "a system call that no honest program makes"
    if number == signal.SIGXCPU or (number == signal.SIGKILL and reply.cpu_seconds >= cpu_limit):
        return "cpu", f"more than {cpu_limit:g} s of processor time"
    if number == signal.SIGKILL:
        return "memory", "killed by the kernel, most likely for its memory"
    return "crash", f"the process died of {name}"


def stages(jobs: Sequence[Job]) -> Generator[list[Run], Sequence[Verdict], list[Verdict]]:
    """The runs that jobs need: yields what to run next, is sent their verdicts, returns one per job.

    Candidates run first, `repeat` times each, alternately in two servers, in the second with the inputs in
    reverse; judges run after them, on the candidates' values as data.
    """
    turns = [
        job.repeat if type(job.repeat) is int and 0 < job.repeat <= REPEATS else 0 for job in jobs
    ]
    runs = [
        Run(job, i % 2, i % 2 == 1)
        for job, count in zip(jobs, turns, strict=True)
        for i in range(count)
    ]
    came = iter((yield runs))

    verdicts = [
        _agreed(job, [next(came) for _ in range(n)]) for job, n in zip(jobs, turns, strict=True)
    ]

    # Judges see values as data, and only those that are there.
    judged = [
        i for i, job in enumerate(jobs) if job.judge is not None and _evidence(job, verdicts[i])
    ]
    if judged:
        opinions = yield [Run(_hearing(jobs[i], verdicts[i])) for i in judged]
        for i, opinion in zip(judged, opinions, strict=True):
            verdicts[i] = _judgement(jobs[i], verdicts[i], opinion)
    return verdicts


def _agreed(job: Job, verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of the repetitions: the first, unless another run of the same came out differently."""
    if not verdicts:
        return failed(
            job, "refused", f"1 to {REPEATS} repetitions were expected, {job.repeat!r} came"
        )
    first = verdicts[0]
    if len(verdicts) == 1:
        return first

    seconds = sum(each.seconds for each in verdicts)
    forbidden = sum(each.forbidden for each in verdicts)
    # A limit or a crash in one of them: the values of the others say nothing more.
    grave = [each for each in verdicts if each.status in SEVERITY[4:]]
    if grave:
        gravest = max(grave, key=lambda each: SEVERITY.index(each.status))
        return replace(gravest, seconds=seconds, forbidden=forbidden)

    size = job.limits.value_kilobytes
    results = tuple(
        mine
        if all(_alike(mine, each.results[i], size) for each in verdicts)
        else Result("nondeterministic")
        for i, mine in enumerate(first.results)
    )

    differs = any(each.status != first.status for each in verdicts)
    differs |= any(result.status == "nondeterministic" for result in results)
    if job.entry is None:  # a program's outcome is what it prints
        differs |= any(each.stdout != first.stdout for each in verdicts)

    if not differs:
        note = _clock_note(job.source) if first.status == "ok" else ""
        return replace(first, seconds=seconds, forbidden=forbidden, detail=first.detail or note)
    return replace(
        first,
        status="nondeterministic",
        results=results,
        seconds=seconds,
        forbidden=forbidden,
        detail="the same program gave different values in two processes",
    )


def _clock_note(source: str) -> str:
    clocks = ", ".join(clock_reads(source))
    return f"it reads the clock ({clocks}): repeating it does not show that" if clocks else ""


def _alike(a: Result, b: Result, kilobytes: int) -> bool:
    return a.status == b.status and same(a.value, b.value, kilobytes=kilobytes)


def _evidence(job: Job, given: Verdict) -> list[tuple[Value, ...]]:
    """What the judge is called with: each value that came; of a program, what it printed."""
    if job.entry is None:
        return [(given.stdout,)] if given.status == "ok" else []
    return [(result.value,) for result in given.results if result.status == "ok"]


def _hearing(job: Job, given: Verdict) -> Job:
    source = cast(str, job.judge)
    return Job(source, "judge", tuple(_evidence(job, given)), limits=job.limits)


def _judgement(job: Job, given: Verdict, opinion: Verdict) -> Verdict:
    """The candidate's verdict with each value replaced by what the judge says of it."""
    said = iter(opinion.results)
    if job.entry is None:
        results = tuple(said)
    else:
        results = tuple(next(said) if result.status == "ok" else result for result in given.results)

    status = worst([given.status, opinion.status])
    detail = given.detail or (f"judge: {opinion.detail}" if opinion.detail else "")
    return replace(
        given,
        status=status,
        results=results,
        seconds=given.seconds + opinion.seconds,
        detail=detail,
        forbidden=given.forbidden + opinion.forbidden,
    )
