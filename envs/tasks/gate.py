"""The gate: what a proposed program must pass before anyone is paid for it.

It parses, defines the function, is no near copy of what the buffer holds, stays inside its limits and gives
plain values. It gives the same values in fresh processes with other hash seeds, to a repeated call, and with
another clock, locale, process, environment and machine. Nothing is banned by name: a program is refused for
what it does. `benchmarks/gate.py` measures what leaks through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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

_TEXT = Path(__file__).with_name("elsewhere.py").read_text(encoding="utf-8")
_NAMES = ", ".join(re.findall(r"^def (\w+)", _TEXT, re.MULTILINE))
# The names are deleted again before the proposal runs, so that it cannot tell by them
# where it is.
_ELSEWHERE = f"{_TEXT}\n\n_elsewhere()\ndel {_NAMES}\n"

_COMPARED = frozenset(("ok", "error", "invalid"))
"""Statuses that are a program's own doing, not its limits'."""


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

    # Cheap looks come first: neither starts a process.
    fault = source_fault(source, entry)
    if fault:
        return Ruling("unreadable", fault)
    if near_copy(source, buffer):
        return Ruling("near_copy", "nearly the same as a program that is already known")

    # Each input comes twice, so that a program that keeps state between calls shows it.
    here, there = yield from verify(*trial(source, inputs, entry=entry, limits=limits))
    return _ruling(here, there, len(inputs), expected)


def trial(
    source: str,
    inputs: Sequence[tuple[Value, ...]],
    *,
    entry: str = "f",
    limits: Limits = PROPOSAL_LIMITS,
) -> tuple[Job, Job]:
    """The two jobs of every look at a proposed program: here, twice in fresh processes, and elsewhere.

    The gate and every later run of an admitted program ask in this form, so that a program cannot tell one
    from the other. Elsewhere each input is called once more than here: a program that counts its calls, or
    looks at how many inputs there are, differs.
    """

    # `repeat=2` runs the job in two fresh processes with different hash seeds.
    twice = (*inputs, *inputs)
    return (
        Job(source, entry, twice, repeat=2, limits=limits),
        Job(elsewhere(source), entry, (*twice, *inputs), limits=limits),
    )


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

    # Elsewhere made one round of calls more: the first values are expected again.
    moved = plain_values(there, 3 * count)
    if moved is None or not _agree((*values, *values[:count]), moved):
        return Ruling(
            "surroundings", "its value depends on clock, locale, process, environment or machine"
        )
    if expected is not None and not _agree(values[:count], expected):
        return Ruling("self_test", "it fails its own test")
    return Ruling("", values=values[:count])


def attempted(here: Verdict, there: Verdict, expected: Value) -> bool | None:
    """Whether an admitted program gives the value expected of it for the one input of a `trial`.

    None when it changed its mind, which is its proposer's fault and not the solver's: what its calls came
    to is not the same in all processes, in all calls, here and elsewhere. That the input takes it too long,
    or too much, is the solver's choice: then it only does not give the value.
    """
    if here.status == "nondeterministic":
        return None
    if here.status not in _COMPARED or not here.results:
        return False

    first = here.results[0]
    # Calls cut off elsewhere by a limit say nothing about the program's mind, so they are
    # left out.
    calls = (*here.results, *there.results) if there.status in _COMPARED else here.results
    if any(call.status != first.status or not same(call.value, first.value) for call in calls):
        return None
    if first.status != "ok":
        return False
    # A program that is well here and out of its limits elsewhere behaves by its
    # surroundings.
    return same(first.value, expected) if there.status in _COMPARED else None


def plain_values(verdict: Verdict, count: int) -> tuple[Value, ...] | None:
    """The values of a job whose `count` calls all went well, else None."""
    # A job can end before its last call, and then has fewer results than calls.
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


def share_right(verdict: Verdict, *expected: Value) -> float:
    """The share of a job's calls that went well and gave the value expected of them."""
    # of calls that a job did not come to, none is right
    done = zip(verdict.results, expected, strict=False)
    return sum(got.status == "ok" and same(got.value, value) for got, value in done) / len(expected)


def _agree(some: Sequence[Value], others: Sequence[Value]) -> bool:
    return len(some) == len(others) and all(map(same, some, others))
