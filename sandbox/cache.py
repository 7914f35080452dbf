"""Verdicts by content: the same job under the same verifier is run once."""

from __future__ import annotations

import hashlib
import json
import marshal
import threading
from collections import OrderedDict
from dataclasses import asdict, replace
from typing import Final

from ..envs.types import Job, Result, Value, Verdict
from ..envs.values import to_json
from .runner.wire import PROTOCOL

_FLEETING: Final = {"infra", "timeout"}
"""These depend on the machine's load, not on the program alone."""


class Cache:
    """The latest verdicts, up to `megabytes` of them.

    `maker` names what they depend on beside the job: executor, strength and interpreter.
    """

    def __init__(self, maker: str, megabytes: int = 64) -> None:
        self._maker = maker
        self._room = megabytes << 20
        self._kept: OrderedDict[bytes, tuple[Verdict, bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0

    def key(self, job: Job) -> bytes | None:
        """The digest of everything a verdict depends on; None for a job that cannot be run anyway."""
        try:
            inputs = [to_json(arguments) for arguments in job.inputs]
            program = [job.source, job.entry, inputs, job.stdin, job.repeat, job.judge]
            what = [self._maker, PROTOCOL, *program]

            # Not ASCII: there the two halves of a pair are written as the one character is.
            text = json.dumps([*what, asdict(job.limits)], ensure_ascii=False)
            return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        except (ValueError, TypeError):
            return None

    def find(self, key: bytes | None) -> Verdict | None:
        """The verdict under this key, if it is kept."""
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            self.hits += 1
            verdict, values = self._kept[key]
        return _filled(verdict, values)

    def keep(self, key: bytes | None, verdict: Verdict) -> None:
        """Keep a verdict, unless another try might well come out differently."""
        if key is None or verdict.status in _FLEETING:
            return

        # Values apart from the verdict: marshal makes new lists of them for every caller.
        values = marshal.dumps([result.value for result in verdict.results])
        bare = replace(verdict, results=tuple(Result(result.status) for result in verdict.results))

        with self._lock:
            # Two callers may have run the same job at the same time.
            if key in self._kept:
                self._room += _size(*self._kept.pop(key))
            self._kept[key] = bare, values
            self._room -= _size(bare, values)
            while self._room < 0 and self._kept:
                self._room += _size(*self._kept.popitem(last=False)[1])


def _size(verdict: Verdict, values: bytes) -> int:
    return 256 + len(verdict.stdout) + len(verdict.stderr) + len(values) + 64 * len(verdict.results)


def apart(verdict: Verdict) -> Verdict:
    """An equal verdict that shares no list, set or dict with this one."""
    return _filled(verdict, marshal.dumps([result.value for result in verdict.results]))


def _filled(verdict: Verdict, values: bytes) -> Verdict:
    """The verdict with values of its own: a caller who changes a list changes nothing for others."""
    given: list[Value] = marshal.loads(values)
    pairs = zip(verdict.results, given, strict=True)
    return replace(verdict, results=tuple(Result(result.status, value) for result, value in pairs))
