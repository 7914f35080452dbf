"""Verdicts by content: the same job under the same verifier is run once."""

from __future__ import annotations

import hashlib
import json
import marshal
import threading
from collections import OrderedDict
from dataclasses import asdict
from typing import Final

from ..envs.types import Job, Verdict
from ..envs.values import to_json
from .runner import PROTOCOL

_FLEETING: Final = {"infra", "timeout"}  # these depend on the machine's load, not on the program alone


class Cache:
    """The latest verdicts, up to `megabytes` of them. `maker` names executor, strength and interpreter."""

    def __init__(self, maker: str, megabytes: int = 64) -> None:
        self._maker = maker
        self._room = megabytes << 20
        self._kept: OrderedDict[bytes, tuple[Verdict, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0

    def key(self, job: Job) -> bytes | None:
        """The digest of everything a verdict depends on; None for a job that cannot be run anyway."""
        try:
            inputs = [to_json(arguments) for arguments in job.inputs]
        except ValueError:
            return None
        what = [self._maker, PROTOCOL, job.source, job.entry, inputs, job.stdin, job.repeat, job.judge]
        return hashlib.sha256(json.dumps([*what, asdict(job.limits)]).encode()).digest()

    def find(self, key: bytes | None) -> Verdict | None:
        """The verdict under this key, if it is kept."""
        with self._lock:
            if key is None or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            self.hits += 1
            return self._kept[key][0]

    def keep(self, key: bytes | None, verdict: Verdict) -> None:
        """Keep a verdict, unless another try might well come out differently."""
        if key is None or verdict.status in _FLEETING:
            return
        size = 256 + len(verdict.stdout) + len(verdict.stderr)
        size += len(marshal.dumps([result.value for result in verdict.results]))
        with self._lock:
            self._room += self._kept.pop(key, (verdict, 0))[1] - size
            self._kept[key] = verdict, size
            while self._room < 0 and self._kept:
                _, (_, freed) = self._kept.popitem(last=False)
                self._room += freed
