"""CoCoS (Cho et al. 2025): rewards accumulate over the turns of one seat that corrects itself.

    each turn: the final r, and from this turn on the sum of r_t and alpha (r_t - r_(t-1)), alpha = 1

Published: progress is graded by the share of tests passed; here r is 1 when all hidden inputs are right.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "cocos",
    "self-correct-v0",
    {"turns": 3, "alpha": 1.0, "feedback": "execution"},
    Credits(estimator="loo", spread="to_go"),
)

run_if_main(__name__, CONFIG)
