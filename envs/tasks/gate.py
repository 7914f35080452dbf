"""The gate: what a proposed program must pass before anyone is paid for it.

It parses, defines the function, is no near copy of what the buffer holds, stays inside its limits and gives
plain values. It gives the same values in fresh processes with other hash seeds, to a repeated call, and with
another clock, locale, process, environment and machine. Nothing is banned by name: a program is refused for
what it does. `benchmarks/gate.py` measures what leaks through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..registry import GameError
from ..script import Steps, verify
from ..types import Job, Limits, Value, Verdict
from ..values import same
from .programs import source_fault
from .shapes import near_copy

Reason: TypeAlias = Literal[
    "",
    "unreadable",
    "near_copy",
    "failed",
    "nondeterministic",
    "stateful",
    "surroundings",
    "self_test",
]

PROPOSAL_LIMITS = Limits(
    seconds=3.0, cpu_seconds=2.0, megabytes=128, output_kilobytes=16, value_kilobytes=16
)

_ELSEWHERE = """\
def _elsewhere():
    import _locale, _socket, datetime, os, posix, sys, time
    days, shift = 1234, 1234 * 86400 + 7 * 3600 + 754
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        setattr(time, name, lambda old=getattr(time, name): old() + shift)
        setattr(time, name + "_ns", lambda old=getattr(time, name + "_ns"): old() + shift * 10**9)
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, lambda at=None, old=getattr(time, name): old(time.time() if at is None else at))
    strftime, asctime = time.strftime, time.asctime
    time.strftime = lambda form, at=None: strftime(form, at or time.localtime())
    time.asctime = lambda at=None: asctime(at or time.localtime())
    gettime, gettime_ns = time.clock_gettime, time.clock_gettime_ns
    time.clock_gettime = lambda which: gettime(which) + shift
    time.clock_gettime_ns = lambda which: gettime_ns(which) + shift * 10**9
    later = datetime.timedelta(seconds=shift)

    class date(datetime.date):
        @classmethod
        def today(cls):
            return super().today() + later

    class moment(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + later

        @classmethod
        def utcnow(cls):
            return super().utcnow() + later

        today = now

    for moved, name in ((date, "date"), (moment, "datetime")):
        moved.__name__ = moved.__qualname__ = name
        moved.__module__ = "datetime"
        setattr(datetime, name, moved)

    def dated(old):
        def stat(*given, **named):
            found = old(*given, **named)
            return os.stat_result((*found[:7], *(at + shift for at in found[7:10])))
        return stat

    os.stat, os.lstat = dated(os.stat), dated(os.lstat)
    os.environ.update(HOME="/elsewhere", LANG="tr_TR.UTF-8", TZ="Asia/Kathmandu", ELSEWHERE="1")
    used = os.times_result((1e4, 1e4, 1e4, 1e4, shift))
    there = dict(getcwd="/elsewhere", getpid=40961, getuid=4711, getppid=2, cpu_count=61, times=used)
    there |= dict(getloadavg=(99.0, 98.0, 97.0), sched_getaffinity=set(range(61)))
    there |= dict(uname=os.uname_result(("Elsewhere", "elsewhere", "1", "1", "elsewhere")))
    there |= dict(statvfs=os.statvfs_result((4096, 4096, 77, 76, 75, 74, 73, 72, 0, 255)))
    for module in (os, posix):
        for name, value in there.items():
            setattr(module, name, lambda *_, value=value: value)
    for module in (_socket, sys.modules.get("socket", _socket)):
        module.gethostname = lambda: "elsewhere"
    sys.executable, sys.version = "/elsewhere/python", "elsewhere"
    setlocale, here = _locale.setlocale, {}
    for category in (_locale.LC_CTYPE, _locale.LC_NUMERIC):
        name = "C.UTF-8" if setlocale(category) == "C" else "C"
        try:
            setlocale(category, name)
        except _locale.Error:
            here[category] = name
    if here:
        here[_locale.LC_ALL] = ";".join(here.values())

    def told(category, name=None):
        return here[category] if name is None and category in here else setlocale(category, name)

    _locale.setlocale = told
    if "locale" in sys.modules:
        sys.modules["locale"]._setlocale = told


_elsewhere()
del _elsewhere
"""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the gate says: `reason` is "" for an admitted proposal, whose `values` execution gave."""

    reason: Reason
    detail: str = ""
    values: tuple[Value, ...] = ()

    @property
    def admitted(self) -> bool:
        return not self.reason


def gate(
    source: str,
    inputs: Sequence[tuple[Value, ...]],
    *,
    entry: str = "f",
    buffer: Sequence[str] = (),
    expected: Sequence[Value] | None = None,
    limits: Limits = PROPOSAL_LIMITS,
) -> Steps[Ruling]:
    """Let a program through, or say why not. `values` holds one value per input, from execution.

    `buffer` holds the sources that it may not copy. `expected` is the proposal's self-test: the values
    that it must give to be accepted at all.
    """
    fault = source_fault(source, entry)
    if fault:
        return Ruling("unreadable", fault)
    if near_copy(source, buffer):
        return Ruling("near_copy", "nearly the same as a program that is already known")

    # Each input comes twice, so that a program that keeps state between calls shows it.
    twice = (*inputs, *inputs)
    here, there = yield from verify(
        Job(source, entry, twice, repeat=2, limits=limits),
        Job(elsewhere(source), entry, twice, limits=limits),
    )
    return _ruling(here, there, len(inputs), expected)


def elsewhere(source: str) -> str:
    """The program in other surroundings: clock, zone, locale, process, environment and machine are moved."""
    return f"{_ELSEWHERE}exec(compile({source!r}, '<proposal>', 'exec'), globals())\n"


def _ruling(here: Verdict, there: Verdict, count: int, expected: Sequence[Value] | None) -> Ruling:
    if here.status == "nondeterministic":
        return Ruling("nondeterministic", "fresh processes disagree about its value")

    values = plain_values(here, 2 * count)
    if values is None:
        return Ruling("failed", f"it did not run: {here.detail or here.status}")
    if not _agree(values[:count], values[count:]):
        return Ruling("stateful", "a second call with the same input gives another value")

    moved = plain_values(there, 2 * count)
    if moved is None or not _agree(values, moved):
        return Ruling(
            "surroundings", "its value depends on clock, locale, process, environment or machine"
        )

    if expected is not None and not _agree(values[:count], expected):
        return Ruling("self_test", "it fails its own test")
    return Ruling("", values=values[:count])


def plain_values(verdict: Verdict, count: int) -> tuple[Value, ...] | None:
    """The values of a job whose `count` calls all went well, else None."""
    ok = verdict.status == "ok" and len(verdict.results) == count
    if not ok or any(result.status != "ok" for result in verdict.results):
        return None
    return tuple(result.value for result in verdict.results)


def certain(verdict: Verdict, count: int) -> tuple[Value, ...]:
    """The values of a job of the game's own, whose program must run.

    Raises GameError where it does not: the game has no truth then, and no seat may win or lose by it.
    """
    values = plain_values(verdict, count)
    if values is None:
        raise GameError(f"the game's own program did not run: {verdict.detail or verdict.status}")
    return values


def right(verdict: Verdict, *expected: Value) -> bool:
    """Whether every call of a job went well and gave the value expected of it."""
    values = plain_values(verdict, len(expected))
    return values is not None and _agree(values, expected)


def _agree(some: Sequence[Value], others: Sequence[Value]) -> bool:
    return len(some) == len(others) and all(map(same, some, others))
