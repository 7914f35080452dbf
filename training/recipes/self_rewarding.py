"""Self Rewarding Self Improving (Simonds et al. 2025): a judge, not a key, says which answers are right.

    solver: 1 if the judge says right;  proposer: 1 if more than one and not all of n are judged right

Published: the model judges its own answers. Here the judge is a seat that is never trained and must be named
(`--set judge=smollm2-135m` for the same model, frozen); the exact result of arithmetic is recorded beside
its verdicts (`notes/gold`).
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "self-rewarding",
    "question-answer-v0",
    {"attempts": 4, "label": "judge"},
    Credits(estimator="hierarchical"),
)

run_if_main(__name__, CONFIG)
