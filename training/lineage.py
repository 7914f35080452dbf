"""The lineage of a population: what each member's phase began from, and with which settings.

`population.jsonl` in the run's folder holds a line for each member of each round, written when the round
begins. A run that is resumed reads what was decided, so that it goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..agents.run_folder import RunFolder
from ..envs.errors import SparringError
from .jsonlines import read_lines, write_lines

FILE = RunFolder(Path()).population.name


class LineageError(SparringError, ValueError):
    """The lineage of a population is damaged, or a member cannot be judged."""


@dataclass(frozen=True)
class Born:
    """What one member's phase of a round began from.

    step:   the run's step at which the round began.
    begins: the step of the checkpoint whose weights it took on; 0: the run's model.
    parent: the member whose they are: itself, or whom it copied.
    score:  what the round before it was worth, by `population.by` (None: not compared).
    set:    its settings that are explored, by dotted name.
    """

    round: int
    member: str
    step: int
    begins: int
    parent: str
    score: float | None = None
    set: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def copied(self) -> bool:
        """Whether it took on another's weights."""
        return self.parent != self.member


def lineage(folder: Path) -> list[Born]:
    """All that was decided, in order; empty where there is no population. Raises LineageError."""
    remedy = "resume from a checkpoint before that round"
    return read_lines(folder / FILE, Born, LineageError, remedy)


def write(folder: Path, found: Sequence[Born]) -> None:
    """Write the lineage anew, whole or not at all. Raises CheckpointError for a full disk."""
    write_lines(folder / FILE, found)


def born_at(folder: Path, member: str, step: int) -> Born:
    """What the member's last phase that began by this step of the run began from. Raises LineageError."""
    mine = [each for each in lineage(folder) if each.member == member and each.step <= step]
    if not mine:
        raise LineageError(f"{folder / FILE} does not say what {member} began from")
    return mine[-1]
