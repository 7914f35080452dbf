"""Which games of a step were continued, from where, and what that makes of turns before the branch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TypeAlias

from .samples import Attempt, Sample

Part: TypeAlias = tuple[int, int]
"""The turns of a game that make one attempt: from the first to before the second."""
_END = 1 << 60
WHOLE: tuple[Part, ...] = ((0, _END),)


@dataclass(frozen=True)
class Branches:
    """By issue index: `cuts` has the turn that a game was continued from, `origin` a continuation's game."""

    cuts: Mapping[int, int] = field(default_factory=dict[int, int])
    origin: Mapping[int, int] = field(default_factory=dict[int, int])

    def parts(self, index: int, begun: int) -> tuple[Part, ...]:
        """The turns of a game that are attempts of their own. Replayed turns are in none."""
        if begun:
            return ((begun, _END),)
        cut = self.cuts.get(index)
        return WHOLE if cut is None else ((0, cut), (cut, _END))

    def shifted(self, base: int) -> Branches:
        """The same for indices that begin at `base`."""
        return Branches(
            {base + index: cut for index, cut in self.cuts.items()},
            {base + index: base + of for index, of in self.origin.items()},
        )


NONE = Branches()
Told: TypeAlias = tuple[float, Mapping[int, float]]
"""What a seat earned in all, and each of its turns, by the turn's index."""


def valued(
    samples: Sequence[Sample], branches: Branches, told: Mapping[int, Mapping[str, Told]]
) -> list[Sample]:
    """Turns before a branch with the mean of what they earned over all games that went on from there.

    It is the Monte Carlo value of the state that the turn led to, as ReST-MCTS* and its kin estimate it.
    `told` is by issue index and seat.
    """
    family: dict[int, list[int]] = defaultdict(list)
    for index in branches.cuts:
        family[index].append(index)
    for index, game in branches.origin.items():
        family[game].append(index)

    def mean(attempt: Attempt, turn: int | None, own: float) -> float:
        found = [told[i][attempt.seat] for i in family[attempt.episode] if attempt.seat in told[i]]
        return fmean(all_ if turn is None else by.get(turn, own) for all_, by in found)

    def of(sample: Sample) -> Sample:
        attempt, cut = sample.attempt, branches.cuts.get(sample.attempt.episode)
        if cut is None or sample.spans[0].turn >= cut:
            return sample
        spans = tuple(s._replace(earned=mean(attempt, s.turn, s.earned)) for s in sample.spans)
        reward = mean(attempt, None, attempt.reward)
        return sample._replace(attempt=attempt._replace(reward=reward), spans=spans)

    return [of(sample) for sample in samples]
