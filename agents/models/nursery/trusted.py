"""Verdicts on our own programs, run in this process: teachers write them, and no model's text comes here.

A model's code needs the sandbox. What teachers write is drawn from a small language of ours, always ends,
and touches nothing, so building a model needs no sandbox.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ....envs.tasks.gate import elsewhere
from ....envs.types import Job, Result, Value, Verdict


def verdicts(jobs: Sequence[Job]) -> list[Verdict]:
    """What each job gives. A job in other surroundings gives what it does here."""
    # no program of ours looks at its surroundings, so the plain one stands for the other
    plain = {elsewhere(job.source): job.source for job in jobs}
    return [_verdict(plain.get(job.source, job.source), job) for job in jobs]


def value(source: str, given: Sequence[Value], entry: str = "f") -> Value:
    """What the program returns for these arguments. Raises whatever it raises."""
    # a program may change its argument, which the game goes on to show
    return _function(source, entry)(*copy.deepcopy(list(given)))


def _verdict(source: str, job: Job) -> Verdict:
    if job.entry is None and not job.inputs:
        return _printed(source)
    results = tuple(_result(source, job.entry or "f", given) for given in job.inputs)
    failed = any(result.status != "ok" for result in results)
    return Verdict("error" if failed else "ok", results)


def _printed(source: str) -> Verdict:
    """What a program prints, such as a teacher's call of a tool."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(source, "<teacher>", "exec"), {})
    except Exception as fault:  # a teacher's mistake
        return Verdict("error", stdout=printed.getvalue(), detail=type(fault).__name__)
    return Verdict("ok", stdout=printed.getvalue())


def _result(source: str, entry: str, given: Sequence[Value]) -> Result:
    try:
        return Result("ok", value(source, given, entry))
    except Exception:  # teachers make mistakes, and a program that fails is one of them
        return Result("error")


@lru_cache(4096)
def _function(source: str, entry: str) -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(compile(source, "<teacher>", "exec"), names)
    return names[entry]
