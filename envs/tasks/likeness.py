"""How much two sequences have in common, in order: the measure behind near copies and repeated
questions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence

SAME_TEXT = 0.7
"""Questions and requests that share this much of their words are repetitions."""
SAME_TASK = 0.9
"""The same for instructions, which differ in fewer words."""


def likeness(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """2·LCS(a, b) / (|a| + |b|): how much of both their longest common subsequence covers.

    The subsequence is found with one bit per item of `a` (Hyyrö 2004, "Bit-parallel LCS-length computation
    revisited"), so that no text makes it slow: |b| steps on integers of |a| bits.
    """
    # Two empty sequences are alike; the formula would divide by zero.
    if not a or not b:
        return float(len(a) == len(b))

    places: dict[Hashable, int] = {}
    for place, item in enumerate(a):
        places[item] = places.get(item, 0) | 1 << place

    # A bit of `unmatched` is cleared where the longest common subsequence with a[: bit + 1] grows.
    full = unmatched = (1 << len(a)) - 1
    for item in b:
        hits = unmatched & places.get(item, 0)
        unmatched = ((unmatched + hits) | (unmatched - hits)) & full
    return 2 * (len(a) - unmatched.bit_count()) / (len(a) + len(b))


def alike(a: Sequence[Hashable], b: Sequence[Hashable], share: float) -> bool:
    """Whether the likeness is at least `share`; settled by lengths and counts where they suffice."""
    # Both are upper bounds on the subsequence, and cheaper: most pairs end here.
    total = share * (len(a) + len(b))
    if 2 * min(len(a), len(b)) < total or 2 * (Counter(a) & Counter(b)).total() < total:
        return False
    return likeness(a, b) >= share


def words(text: str) -> list[str]:
    """The words of a text, without case and what stands between them."""
    return re.findall(r"\w+", text.casefold())


def similar(a: str, b: str, share: float = SAME_TEXT) -> bool:
    """Whether two texts have at least this share of their words in common, in order."""
    return alike(words(a), words(b), share)
