"""A verifier that is opened at its first job, so that games without code need no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..envs.types import Job, Verdict
from .choose import check_name, find_verifier
from .verifier import Verifier


class Lazy:
    """The verifier called `name`, opened when first needed; `opened` is told which one it became.

    Raises VerifierError at once for an unknown name, and at the first job when it cannot be had.
    """

    def __init__(self, name: str = "auto", opened: Callable[[str], None] = lambda _: None) -> None:
        check_name(name)
        self._wanted = name
        self._opened = opened
        self._verifier: Verifier | None = None

    @property
    def name(self) -> str:
        return self._verifier.name if self._verifier else ""

    def open(self) -> Verifier:
        """The verifier, opened if it is not yet."""
        if self._verifier is None:
            self._verifier = find_verifier(self._wanted)
            self._opened(self._verifier.name)
        return self._verifier

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        return await self.open().verify(jobs)

    async def close(self) -> None:
        if self._verifier:
            await self._verifier.close()
            self._verifier = None
