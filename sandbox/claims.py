"""What a child says of its calls: a record that anyone may have written, read in bounded time and depth."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final, cast, get_args

from ..envs.types import Job, Result, Status, Value
from ..envs.values import from_json
from .runner import wire

ATOMS: Final = frozenset((type(None), bool, int, float))
"""As JSON gives them they are values already."""
SEVERITY: Final[tuple[Status, ...]] = (
    "ok", "error", "invalid", "nondeterministic", "memory", "output_limit", "no_result", "crash", "timeout",
    "cpu", "forbidden", "refused", "infra",
)  # fmt: skip
"""From the mildest to the gravest."""
assert set(SEVERITY) == set(get_args(Status))
_CALL: Final[dict[int, Status]] = {
    wire.OK: "ok",
    wire.ERROR: "error",
    wire.MEMORY: "memory",
    wire.INVALID: "invalid",
    wire.TOO_LARGE: "output_limit",
}


def worst(statuses: Sequence[Status]) -> Status:
    """The gravest of them; `ok` for none."""
    return SEVERITY[max(map(SEVERITY.index, set(statuses)), default=0)]


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is not JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)
_BRACKETS: Final = 4 * wire.DEPTH
"""A dict takes three brackets a level, and the record two."""
_BRACKET: Final = 5
"""What a child counts for a bracket, at least: 12 for a list, 11 for the two of a set."""
_ENTRY: Final = 16
"""An entry's own characters, and the comma after it."""
_STEPS: Final = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")  # as signed bytes: in, out
_LEVEL: Final = bytes(set(range(256)) - set(b"[{]}"))
_DIGITS: Final = re.compile(rb"[0-9]{100}")


def _check_bounds(record: bytes, entries: int, room: int) -> None:
    """Raise ValueError for what no child that keeps to its `room`, in characters, can have said.

    That is what is longer, has more brackets, nests deeper, or has a number in more digits. The JSON reader
    would go as deep and read as many digits as the interpreter is set to, and some libraries set it high:
    one record would then end this process, or hold it for minutes.
    """
    if len(record) < 4096:
        return
    if len(record) > room + wire.WORDS + _ENTRY * (entries + 64):
        raise ValueError(f"the record is longer than {entries} entries of {room} characters can be")

    # Brackets and digits count only outside of texts.
    outside = b"".join(record.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])
    brackets = outside.count(b"[") + outside.count(b"{")
    if brackets * _BRACKET > room + _BRACKET * (entries + 64):
        raise ValueError(f"the record has {brackets} brackets, more than {room} characters pay for")
    steps = memoryview(outside.translate(_STEPS, _LEVEL)).cast("b")
    if max(accumulate(steps), default=0) > _BRACKETS:
        raise ValueError(f"the record is nested deeper than {_BRACKETS}")
    if _DIGITS.search(outside):
        raise ValueError("the record has a number of a hundred digits that is not in hex")


def claims(job: Job, record: bytes) -> tuple[Status, tuple[Result, ...], str]:
    """The child's record, checked. Raises ValueError, TypeError or LookupError if it is not one."""
    if len(record) < 4 or int.from_bytes(record[:4], "little") != len(record) - 4:
        raise ValueError(f"{len(record)} bytes are not exactly one record")

    entries, kilobytes = max(1, len(job.inputs)), job.limits.value_kilobytes
    # Sizes first: what is too large is never built.
    _check_bounds(record[4:], entries, kilobytes * 1024)
    said = cast("list[list[Any]]", _JSON.decode(record[4:].decode("ascii")))
    if type(said) is not list or len(said) > entries or (job.entry is None and not said):
        raise ValueError("the record is not a list of one entry per input")

    results: list[Result] = []
    details: list[str] = []
    for code, body in said:
        if code == 0:
            value = body if type(body) in ATOMS else from_json(body, kilobytes)
            results.append(Result("ok", value))
        else:
            results.append(Result(_CALL[code]))
            details.append(str(body)[:500])

    detail = details[0] if details else ""
    if job.entry is None or (len(said) == 1 and results[0].status != "ok"):
        # A program has no calls; a module that fails to load fails every call.
        return results[0].status, tuple(results[0] for _ in job.inputs), detail
    if len(said) != len(job.inputs):
        raise ValueError(f"{len(said)} results came for {len(job.inputs)} inputs")
    return worst([result.status for result in results]), tuple(results), detail
