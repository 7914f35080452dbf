"""Rows made from a planted truth, for tests of statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sparring.arenas.results import GameRow, Place

Outcome = Callable[[int, int, np.random.Generator], float]
"""What the first of two entrants is paid, drawn for one game."""


def pair_rows(
    names: Sequence[str], a: int, b: int, order: int, paid: Sequence[float]
) -> list[GameRow]:
    """Both legs of one pair; `paid[leg]` is the payoff of who sits first in it."""
    rows = []
    for leg, (first, second) in enumerate(((a, b), (b, a))):
        places = (
            Place("first", "first", names[first], paid[leg]),
            Place("second", "second", names[second], -paid[leg]),
        )
        rows.append(GameRow(f"p{order}", order, leg, 2, order, 0, places))
    return rows


def round_robin(names: Sequence[str], pairs: int, outcome: Outcome, seed: int) -> list[GameRow]:
    """`pairs` pairs for each two entrants."""
    draw = np.random.default_rng(seed)
    rows: list[GameRow] = []
    for _ in range(pairs):
        for a in range(len(names)):
            for b in range(a):
                paid = (outcome(a, b, draw), outcome(b, a, draw))
                rows += pair_rows(names, a, b, len(rows) // 2, paid)
    return rows


def logistic(strength: Sequence[float], offset: float = 0.0, draws: float = 0.0) -> Outcome:
    """Win 1, loss −1, sometimes a draw 0; `strength` and the first seat's `offset` in logits."""

    def outcome(first: int, second: int, draw: np.random.Generator) -> float:
        if draw.random() < draws:
            return 0.0
        gap = strength[first] - strength[second] + offset
        return 1.0 if draw.random() < 1 / (1 + np.exp(-gap)) else -1.0

    return outcome
