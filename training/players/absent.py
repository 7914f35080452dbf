"""Opponents that are chosen in one process and play in another: stand-ins, and seats told by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ...agents.policy import Policy, Renamed, Request, Response
from ...agents.run_folder import step_name
from ...envs.types import Episode, PolicyRef

ITSELF = "learner"
"""What stands for the learner where seats are told by name."""


class Known(NamedTuple):
    """A checkpoint (None: the fixed entrant) under the name that a league knows it by."""

    step: int | None
    ref: PolicyRef


Named: TypeAlias = int | str | Known | None
"""Who sits in a seat: the learner (`ITSELF`), the checkpoint of a step, or the fixed entrant (None)."""


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

    What this process lacks to choose (a league, a mixture) the other one has.
    """

    def __init__(self, ancestors: Callable[[int], Policy], entrant: Policy | None = None) -> None:
        self.told: Sequence[Mapping[str, Named]] = ()
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

    def _policy(self, name: Named, learner: Policy) -> Policy:
        if isinstance(name, Known):
            return Renamed(self._policy(name.step, learner), name.ref)
        if isinstance(name, int):
            return self._ancestors(name)
        if name == ITSELF:
            return learner
        assert self._entrant, "a fixed entrant"
        return self._entrant
