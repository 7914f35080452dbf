"""The contract of whoever plays a run's games outside the learner's own process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..envs.types import Episode


class Elsewhere(Protocol):
    """Plays the games of steps in another process, some of them before they are asked for."""

    def played(self, number: int) -> list[Episode]:
        """The games of step `number`, in issue order."""
        ...

    def version(self, number: int) -> int:
        """The step whose weights played the games of step `number`, which were asked for last."""
        ...

    def measured(self) -> Mapping[str, float]:
        """Numbers of the games that were asked for last, for the metrics."""
        ...

    def state(self) -> dict[str, Any]:
        """What was played ahead, as JSON values; waits for what is not over."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave."""
        ...
