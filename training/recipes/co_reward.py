"""Co-Reward (Zhang et al. 2025): each half of the answers is labelled by the vote on the other wording.

    solver: 1 if it agrees with the majority of those who saw the paraphrase

Published: questions come from a data set and another model paraphrases them; here the proposer writes both.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "co-reward",
    "question-answer-v0",
    {"attempts": 6, "label": "swapped"},
    Credits(estimator="hierarchical"),
)

run_if_main(__name__, CONFIG)
