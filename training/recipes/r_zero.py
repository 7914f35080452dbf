"""R-Zero (Huang et al. 2025): a challenger asks, solvers vote, and difficulty is paid, repetition charged.

    challenger: min(p, 1 - p) - share of near copies;  solver: 1 if it agrees with the majority

p is the majority's share. Advantages by group, as published: challengers against the batch, solvers inside
one question (`hierarchical`). Published: challenger and solver are two models trained in turns; here one
policy takes both roles in one update, and near copies are sought among recalled questions. Ten attempts as
published: of four, answers that all differ would pay as much as three that agree.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "r-zero",
    "question-answer-v0",
    {"attempts": 10, "reward": "r-zero"},
    Credits(estimator="hierarchical"),
)

run_if_main(__name__, CONFIG)
