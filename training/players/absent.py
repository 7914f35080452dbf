"""Opponents that are chosen in one process and play in another: stand-ins, and seats told by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...agents.policy import Policy, Request, Response
from ...agents.run_folder import step_name
from ...envs.types import Episode, PolicyRef

ITSELF = "learner"
"""What stands for the learner where seats are told by name."""


class Absent:
    """Stands for an opponent in another process: the checkpoint of a step, or a fixed one (None)."""

    streams = False

    def __init__(self, step: int | None = None) -> None:
        self.step = step
        self.ref = PolicyRef("absent" if step is None else step_name(step), "absent")

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        raise AssertionError("who is absent is not asked")


class Told:
    """Seats games as another process says: `told` has whom each game seats, by its number in the step.

    For a seat that is the learner (`ITSELF`), a step of the run's checkpoints, or the fixed entrant (None).
    """

    def __init__(self, ancestors: Callable[[int], Policy], entrant: Policy | None = None) -> None:
        self.told: Sequence[Mapping[str, int | str | None]] = ()
        self._ancestors = ancestors
        self._entrant = entrant

    def begin(self, step: int) -> None:
        """Nothing to look at."""

    def seats(self, step: int, number: int, learner: Policy) -> Mapping[str, Policy]:
        return {seat: self._policy(name, learner) for seat, name in self.told[number].items()}

    def record(self, episodes: Sequence[Episode]) -> None:
        """Nothing to learn."""

    def reasons(self) -> Mapping[str, int]:
        return {}

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""

    def _policy(self, name: int | str | None, learner: Policy) -> Policy:
        if isinstance(name, int):
            return self._ancestors(name)
        if name == ITSELF:
            return learner
        assert self._entrant, "a fixed entrant"
        return self._entrant
