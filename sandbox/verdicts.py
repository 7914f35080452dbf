"""From jobs to runs, and from what a supervisor reports to verdicts. Pure functions; nothing is trusted.

A *run* is one child process. A job takes one run, `repeat` runs, or one more for its judge.
"""

from __future__ import annotations

import json
import marshal
import math
import os
import re
import signal
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final, cast, get_args

from ..envs.parse import Illegal
from ..envs.types import Job, Limits, Result, Status, Value, Verdict
from ..envs.values import check, from_json, same
from . import runner
from .clock_reads import clock_reads

SOURCE_BYTES: Final = 1 << 20
INPUT_KILOBYTES: Final = 8192
REQUEST_BYTES: Final = 16 << 20
REPEATS: Final = 16
_SEVERITY: Final[tuple[Status, ...]] = (
    "ok", "error", "invalid", "nondeterministic", "memory", "output_limit", "no_result", "crash", "timeout",
    "cpu", "forbidden", "refused", "infra",
)  # fmt: skip
assert set(_SEVERITY) == set(get_args(Status))
_ATOMS: Final = frozenset(
    (type(None), bool, int, float)
)  # as JSON gives them they are values already
_CALL: Final[dict[int, Status]] = {
    runner.OK: "ok",
    runner.ERROR: "error",
    runner.MEMORY: "memory",
    runner.INVALID: "invalid",
    runner.TOO_LARGE: "output_limit",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One child: the job it belongs to, the fork server it comes from, and the order of its inputs."""

    job: Job
    server: int = 0
    backwards: bool = False


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


def worst(statuses: Sequence[Status]) -> Status:
    """The gravest of them; `ok` for none."""
    return _SEVERITY[max(map(_SEVERITY.index, set(statuses)), default=0)]


def failed(job: Job, status: Status, detail: str) -> Verdict:
    """A verdict that has the same status for every input."""
    return Verdict(status, tuple(Result(status) for _ in job.inputs), detail=detail)


def request(ident: int, run: Run) -> bytes:
    """The frame that asks a supervisor for this run. Raises Illegal when the job cannot be run at all."""
    job, limits = run.job, run.job.limits
    _check_forms(job)
    _check_limits(limits)
    if len(job.inputs) > runner.INPUTS:
        raise Illegal(
            f"at most {runner.INPUTS} inputs were expected, {len(job.inputs)} came: split them"
        )
    for arguments in job.inputs:
        if not _ATOMS.issuperset(map(type, arguments)):
            check(arguments, INPUT_KILOBYTES)
    # Format 2 keeps no references: an object that is in two inputs is two objects for the program.
    asked = marshal.dumps((job.source, job.entry, tuple(job.inputs), run.backwards), 2)
    bounds = (
        float(limits.seconds),
        math.ceil(limits.cpu_seconds),
        *(limits.megabytes, limits.output_kilobytes, limits.value_kilobytes),
    )
    body = marshal.dumps(
        (ident, run.server, bounds, asked, job.stdin.encode("utf-8", "surrogatepass"))
    )
    if len(body) > REQUEST_BYTES:
        raise Illegal(f"a job of at most {REQUEST_BYTES >> 20} MiB, inputs and all, was expected; "
                      f"{len(body) >> 20} MiB came: split its inputs")  # fmt: skip
    return len(body).to_bytes(4, "little") + body


def _check_forms(job: Job) -> None:
    texts = (job.source, job.stdin, *(text for text in (job.entry, job.judge) if text is not None))
    if any(type(text) is not str for text in texts) or not {tuple}.issuperset(
        map(type, job.inputs)
    ):
        raise Illegal(
            "source, entry, stdin and judge must be text, and each input a tuple of arguments"
        )
    if len(job.source) > SOURCE_BYTES:
        raise Illegal(
            f"a source of at most {SOURCE_BYTES} characters was expected, {len(job.source)} came"
        )


def _check_limits(limits: Limits) -> None:
    whole = (limits.megabytes, limits.output_kilobytes, limits.value_kilobytes)
    if any(type(size) is not int for size in whole):
        raise Illegal(f"whole numbers of MiB and KiB were expected, {limits} came")
    if not (
        0 < limits.seconds < 3600
        and 0 < limits.cpu_seconds < 3600
        and 0 < limits.megabytes < 1 << 20
    ):
        raise Illegal(
            f"limits above zero and below an hour and a tebibyte were expected, {limits} came"
        )
    if not (0 < limits.output_kilobytes <= 16384 and 0 < limits.value_kilobytes <= 8192):
        raise Illegal(f"at most 16 MiB of output and 8 MiB of values can be had, {limits} came")


def verdict(job: Job, reply: Reply) -> Verdict:
    """What a run came to. How the child ended outranks whatever it claimed."""
    status, detail = _ending(job, reply)
    claims: tuple[Result, ...] = ()
    forbidden = int(status == "forbidden")
    if status == "ok":
        try:
            status, claims, detail = _claims(job, reply.record)
        except (ValueError, TypeError, LookupError, RecursionError) as fault:
            status, detail, forbidden = "invalid", f"no valid record came back: {fault}"[:300], 1
    results = claims or tuple(Result(status) for _ in job.inputs)
    stdout, stderr = (data.decode("utf-8", "replace") for data in (reply.stdout, reply.stderr))
    return Verdict(
        status, results, stdout, stderr, reply.wall_seconds, forbidden, _one_line(detail)
    )


def _one_line(text: str) -> str:
    """Text as one line of what can be printed: a program's own words may end up in a prompt or a log."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:500]).split())


def _ending(job: Job, reply: Reply) -> tuple[Status, str]:
    limits = job.limits
    if reply.fate == runner.FAILED:
        said = reply.stderr[:200].decode("utf-8", "replace")
        return "infra", f"the run was not carried out: {said or 'no child was locked in'}"
    if reply.fate == runner.DEADLINE:
        return "timeout", f"not done after {limits.seconds:g} s"
    if reply.fate == runner.OUTPUT:
        return "output_limit", f"more than {limits.output_kilobytes} KiB of output"
    if reply.fate == runner.THREADS:
        return "memory", f"more than {runner.THREADS_AT_ONCE} threads at once"
    if reply.fate != runner.ENDED and reply.fate != runner.RECORD:
        return "infra", "the run was not carried out"
    code = os.waitstatus_to_exitcode(reply.wait_status)
    if code < 0 and reply.fate == runner.ENDED:
        return _killed(-code, reply, limits.cpu_seconds)
    if code == runner.EXIT_MEMORY:
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


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is not JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)
_BRACKETS: Final = 4 * runner.DEPTH
"""A dict takes three brackets a level, and the record two."""
_STEPS: Final = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")  # as signed bytes: in, out
_LEVEL: Final = bytes(set(range(256)) - set(b"[{]}"))
_DIGITS: Final = re.compile(rb"[0-9]{100}")


def _check_bounds(record: bytes) -> None:
    """Raise ValueError for what nests deeper than any value or has a number in more digits than any value.

    The JSON reader would go as deep and read as many digits as the interpreter is set to, and some libraries
    set it high: one record would then end this process, or hold it for minutes.
    """
    if len(record) < 4096:
        return
    outside = b"".join(record.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    steps = memoryview(outside.translate(_STEPS, _LEVEL)).cast("b")
    if max(accumulate(steps), default=0) > _BRACKETS:
        raise ValueError(f"the record is nested deeper than {_BRACKETS}")
    if _DIGITS.search(outside):
        raise ValueError("the record has a number of a hundred digits that is not in hex")


def _claims(job: Job, record: bytes) -> tuple[Status, tuple[Result, ...], str]:
    """The child's record, checked. Raises ValueError, TypeError or LookupError if it is not one."""
    if len(record) < 4 or int.from_bytes(record[:4], "little") != len(record) - 4:
        raise ValueError(f"{len(record)} bytes are not exactly one record")
    _check_bounds(record[4:])
    said = cast("list[list[Any]]", _JSON.decode(record[4:].decode("ascii")))
    if (
        type(said) is not list
        or len(said) > max(1, len(job.inputs))
        or (job.entry is None and not said)
    ):
        raise ValueError("the record is not a list of one entry per input")
    results: list[Result] = []
    details: list[str] = []
    kilobytes = job.limits.value_kilobytes
    for code, body in said:
        if code == 0:
            results.append(
                Result("ok", body if type(body) in _ATOMS else from_json(body, kilobytes))
            )
        else:
            results.append(Result(_CALL[code]))
            details.append(str(body)[:500])
    detail = details[0] if details else ""
    if job.entry is None or (len(said) == 1 and results[0].status != "ok"):
        # a program has no calls; a module that fails to load fails every call
        return results[0].status, tuple(results[0] for _ in job.inputs), detail
    if len(said) != len(job.inputs):
        raise ValueError(f"{len(said)} results came for {len(job.inputs)} inputs")
    return worst([result.status for result in results]), tuple(results), detail


def stages(jobs: Sequence[Job]) -> Generator[list[Run], Sequence[Verdict], list[Verdict]]:
    """The runs that jobs need: yields what to run next, is sent their verdicts, returns one per job.

    Candidates run first, `repeat` times each, alternately in two servers and in the order of the inputs
    turned round; judges run after them, on the candidates' values as data.
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
    grave = [each for each in verdicts if each.status in _SEVERITY[4:]]
    if grave:
        gravest = max(grave, key=lambda each: _SEVERITY.index(each.status))
        return replace(gravest, seconds=seconds, forbidden=forbidden)
    results = tuple(
        mine
        if all(_alike(mine, each.results[i]) for each in verdicts)
        else Result("nondeterministic")
        for i, mine in enumerate(first.results)
    )
    differs = any(each.status != first.status for each in verdicts)
    differs |= any(result.status == "nondeterministic" for result in results)
    if job.entry is None:  # a program's outcome is what it prints
        differs |= any(each.stdout != first.stdout for each in verdicts)
    if not differs:
        clocks = clock_reads(job.source) if first.status == "ok" else ()
        note = (
            f"it reads the clock ({', '.join(clocks)}): repeating it does not show that"
            if clocks
            else ""
        )
        return replace(first, seconds=seconds, forbidden=forbidden, detail=first.detail or note)
    detail = "the same program gave different values in two processes"
    return replace(first, status="nondeterministic", results=results, seconds=seconds,
                   forbidden=forbidden, detail=detail)  # fmt: skip


def _alike(a: Result, b: Result) -> bool:
    return a.status == b.status and same(a.value, b.value)


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
