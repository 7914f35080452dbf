"""SeRL (Fang et al. 2025): generated questions pass an online filter; answers are paid by majority vote.

    proposer: 1 for a new question with 0.2 <= p <= 0.8, else 0;  solver: 1 if it agrees with the majority

Published: the filter selects data and the proposer is not trained; here the filter is the proposer's reward.
Set `credits.trained=solver` for solvers alone.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "serl",
    "question-answer-v0",
    {"attempts": 6, "reward": "serl"},
    Credits(estimator="hierarchical"),
)

run_if_main(__name__, CONFIG)
