"""Where a stage stands in its run: what was trained before it, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..config import MemberKind, Population


@dataclass(frozen=True)
class Standing:
    """A stage beside the others of its run.

    offset: the run's steps before it.
    ends:   the run's steps at which the stages before it ended, each with a checkpoint.
    member: the member of the population whose phase it is; empty where there is none.
    kinds:  the part of each member in a league, in the order of their turns.
    steps:  of a member's phase.
    """

    offset: int = 0
    ends: tuple[int, ...] = ()
    member: str = ""
    kinds: Mapping[str, MemberKind] = field(default_factory=dict[str, MemberKind])
    steps: int = 0

    def owner(self, step: int) -> str:
        """Whose phase a step of the run, from 1, belongs to."""
        names = list(self.kinds)
        return names[(step - 1) // self.steps % len(names)] if names else ""

    def mine(self, step: int) -> bool:
        """Whether a step of the run is of the same member."""
        return self.owner(step) == self.member

    def latest(self, member: str) -> int:
        """The step at which a member's last phase before this stage ended; 0: it had none."""
        return next((end for end in reversed(self.ends) if self.owner(end) == member), 0)


ALONE: Final = Standing()
"""Of a run that has no other stages."""


def standing(population: Population, offset: int, ends: tuple[int, ...], place: int) -> Standing:
    """The standing of the stage at this place of the run, from 0."""
    members = population.listed
    if not members:
        return Standing(offset, ends)
    kinds: dict[str, MemberKind] = {member.name: member.kind for member in members}
    return Standing(offset, ends, members[place % len(members)].name, kinds, population.steps)
