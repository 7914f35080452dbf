"""The whole contract between games and whoever runs their code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..envs.errors import SparringError
from ..envs.types import Job, Verdict


class VerifierError(SparringError, RuntimeError):
    """The verifier itself cannot do its work (no engine, no locks); never a verdict on a job."""


class Verifier(Protocol):
    """Runs untrusted jobs and gives a verdict on each.

    What a program does is never an exception: every way to fail, cheat or pass a limit is a status, and so
    is a fault of the machinery while a job runs (`infra`, which is never a reward). A job that cannot be run
    at all (too large, not plain data, limits out of range) is `refused`.

    Raises:
        VerifierError: when it is made and cannot start: no engine, no image, too weak a machine.
    """

    @property
    def name(self) -> str:
        """Executor and strength, as stored with every result: `docker`, `local(landlock+seccomp)`."""
        ...

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """Run the jobs.

        Args:
            jobs: any number, also none; equal jobs may be run once.

        Returns:
            One verdict per job, in the order of the jobs, each with one result per input.

        Raises:
            VerifierError: when it was closed, belongs to another process, or can do no work at all.
            asyncio.CancelledError: when the caller is cancelled; what runs is then killed.
        """
        ...

    async def close(self) -> None:
        """Release containers and processes; safe to call twice. Raises nothing."""
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
