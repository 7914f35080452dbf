"""The whole contract between games and whoever runs their code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..envs.errors import SparringError
from ..envs.types import Job, Verdict


class VerifierError(SparringError, RuntimeError):
    """The verifier itself cannot do its work (no engine, no lock-down); never a verdict on a job."""


class Verifier(Protocol):
    """Runs untrusted jobs and says what they came to.

    Raises `VerifierError` when it cannot start. A fault of the machinery while a job runs is not an
    exception but a verdict with status `infra`, which is never a reward.
    """

    @property
    def name(self) -> str:
        """Executor and strength, as stored with every result: `docker`, `local(landlock+seccomp)`."""
        ...

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """One verdict per job, in the order of the jobs."""
        ...

    async def close(self) -> None:
        """Release containers and processes; safe to call twice."""
        ...


class Constant:
    """A fake that gives every job the same verdict; for tests."""

    name = "constant"

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        return [self._verdict for _ in jobs]

    async def close(self) -> None:
        return None
