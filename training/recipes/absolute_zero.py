"""Absolute Zero (Zhao et al. 2025, arXiv 2505.03335): programs, proposed and solved, in six cells.

    proposer: -1 refused, else 1 - p for p > 0, else 0;  solver: 1, -1/2 wrong, -1 unreadable
    A = (r - mean) / std over a cell, which is (task type, role): TRR++

Roles: both, of deduction, abduction and induction, in equal shares. p is the share of n = 8 attempts at
temperature 1, which are not trained on; solvers are trained on one attempt at a kept task each. Induction
proposes inputs and a message for a program of the other two shelves. Loss: PPO's clip of 0.2 over tokens, no
KL, lr 1e-6. Sharing: one. Published (paper and released settings), and equal here.
Differs: kept tasks are drawn evenly by difficulty, there the newest first; 4 to 12 inputs, there 10; cells of
2 games, there 64; no run of seeding before, shelves begin with the identity alone; the gate is another.
Nursery: --model small:code-deduction,code-abduction,code-induction
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, GameEntry
from . import run_if_main
from ._language import language

KINDS = ("code-deduction-v0", "code-abduction-v0", "code-induction-v0")
BASE = language("absolute-zero", KINDS[0], credits=Credits(estimator="whiten", std_floor=1e-6))


def cells(game: str) -> tuple[GameEntry, GameEntry]:
    """The game for its proposer alone, and for its solver alone."""
    own = {"program": "kept"} if game == KINDS[2] else {}
    return (
        GameEntry(game, {"attempts": 8, **own}, credits={"trained": ("proposer",)}),
        GameEntry(game, {"attempts": 1, "tasks": "shelf"}, credits={"trained": ("solver",)}),
    )


CONFIG = replace(
    BASE,
    games=tuple(entry for game in KINDS for entry in cells(game)),
    rollout=replace(BASE.rollout, games=12, at_once=12, max_tokens=160, shots=0),
)

run_if_main(__name__, CONFIG)
