"""From a job to the frames that ask a supervisor for its runs; a job that cannot be run is refused here."""

from __future__ import annotations

import marshal
import math
from dataclasses import dataclass
from typing import Final

from ..envs.parse import Illegal
from ..envs.types import Job, Limits
from ..envs.values import check
from .claims import ATOMS
from .runner import wire

SOURCE_BYTES: Final = 1 << 20
INPUT_KILOBYTES: Final = 8192
REQUEST_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Run:
    """One child: the job it belongs to, the seed by which its strings hash, and the order of its inputs."""

    job: Job
    server: int = 0
    backwards: bool = False


def request(ident: int, run: Run) -> bytes:
    """The frame that asks a supervisor for this run. Raises Illegal when the job cannot be run at all."""
    job, limits = run.job, run.job.limits
    _check_forms(job)
    _check_limits(limits)

    if len(job.inputs) > wire.INPUTS:
        raise Illegal(
            f"at most {wire.INPUTS} inputs were expected, {len(job.inputs)} came: split them"
        )
    # Most inputs are atoms, which need no walk.
    for arguments in job.inputs:
        if not ATOMS.issuperset(map(type, arguments)):
            check(arguments, INPUT_KILOBYTES)

    # Format 2 keeps no references: an object that is in two inputs is two objects for the program.
    asked = marshal.dumps((job.source, job.entry, tuple(job.inputs), run.backwards), 2)
    sizes = limits.megabytes, limits.output_kilobytes, limits.value_kilobytes
    bounds = float(limits.seconds), math.ceil(limits.cpu_seconds), *sizes
    stdin = job.stdin.encode("utf-8", "surrogatepass")
    # A program that imports in another way only waits longer for what it imports.
    server = run.server + 2 * ("import" in job.source)
    body = marshal.dumps((ident, server, bounds, asked, stdin))

    if len(body) > REQUEST_BYTES:
        raise Illegal(
            f"a job of at most {REQUEST_BYTES >> 20} MiB, inputs and all, was expected; "
            f"{len(body) >> 20} MiB came: split its inputs"
        )
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
