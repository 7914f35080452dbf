"""Self Rewarding Self Improving (Simonds et al. 2025, 2505.08827): a judge, not a key, says what is right.

    solver: 1 if the judge says right, else 0;  A = r − mean of the others on the question

The judge is the model itself, at its present weights and untrained (`judge=self`; `self@start` for those
that it began with); the same model asks the questions, and is paid where some of n answers are judged
right and some are not · policy gradient · proposer and solver · every step. Equal: own questions, own
judge, group advantages (GRPO there, not divided by the deviation here). The exact result of arithmetic is
noted beside the verdicts (`notes/gold`), never paid. Which weights judge in the paper is not known to us.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language

BASE = language(
    "self-rewarding-self-improving",
    "question-answer-v0",
    {"attempts": 4, "label": "judge"},
    Credits(estimator="hierarchical"),
)
CONFIG = replace(BASE, judge="self")

run_if_main(__name__, CONFIG)
