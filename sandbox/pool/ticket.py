"""A run on its way through a pool, and the batch it was submitted with."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from ...envs.types import Verdict
from ..request import Run


class Batch:
    """Runs submitted together; resolves when the last is done.

    Batches of one `caller` share its turns; without one, a batch has turns of its own.
    """

    def __init__(self, size: int, caller: object = None) -> None:
        self.caller = caller
        self.future: Future[list[Verdict]] = Future()
        self._verdicts: list[Verdict | None] = [None] * size
        self._left = size

    def settle(self, index: int, verdict: Verdict) -> None:
        self._verdicts[index] = verdict
        self._left -= 1
        if self._left == 0 and self.future.set_running_or_notify_cancel():
            self.future.set_result([each for each in self._verdicts if each is not None])


@dataclass(eq=False, slots=True)
class Ticket:
    """One run on its way. `faults` counts the supervisors that failed with it in hand."""

    run: Run
    batch: Batch
    index: int
    size: int = 0
    faults: int = 0
    recalled: bool = False

    @property
    def unwanted(self) -> bool:
        return self.batch.future.cancelled()
