"""The balance of B-STaR: how many of the answers kept are right and different, and how few are wrong.

    b = min(n' / n*, 1) · n' / n     of one problem: n answers kept, each counted once, n' of them right

Kept are the answers that earned at least a threshold; b is averaged over all problems that were drawn, those
without an answer kept among them. (Zeng et al. 2024, 2412.17256; the released code keeps one given solution
of every problem beside, and caps what is kept of a problem so that a set of one size is filled.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from .objectives import Judged
from .samples import Attempt

Words = tuple[tuple[int, ...], ...]
"""All tokens of an attempt, by sample: two attempts with the same are one answer."""


class Balanced(NamedTuple):
    """The threshold with the greatest mean balance, that balance, and the samples that it keeps."""

    threshold: float
    score: float
    taken: tuple[Judged, ...]


def balanced(samples: Sequence[Judged], wanted: int) -> Balanced | None:
    """Search the threshold among what attempts earned. None without samples.

    wanted: n*, from 1. Of thresholds with the same balance the lowest is taken.
    """
    if not samples:
        return None
    words: dict[Attempt, Words] = defaultdict(tuple)
    right: dict[Attempt, bool] = {}
    for each in samples:
        words[each.attempt] += (each.sample.tokens,)
        right[each.attempt] = each.right

    # An attempt that says what another said is dropped before anything is counted.
    answers: dict[tuple[str, str, str], dict[Words, Attempt]] = defaultdict(dict)
    for attempt, said in words.items():
        answers[attempt.game, attempt.role, attempt.group].setdefault(said, attempt)
    problems = [list(group.values()) for group in answers.values()]

    best, score = 0.0, -1.0
    for least in sorted({attempt.reward for group in problems for attempt in group}):
        kept = [[right[a] for a in group if a.reward >= least] for group in problems]
        found = fmean(balance(each, wanted) for each in kept)
        if found > score:
            best, score = least, found

    taken = {a for group in problems for a in group if a.reward >= best}
    return Balanced(best, score, tuple(each for each in samples if each.attempt in taken))


def balance(kept: Sequence[bool], wanted: int) -> float:
    """b of one problem, from whether each answer kept is right."""
    if not kept:
        return 0.0
    right = sum(kept)
    return min(right / wanted, 1.0) * right / len(kept)
