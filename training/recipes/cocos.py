"""CoCoS (Cho et al. 2025): rewards accumulate over the turns of one seat that corrects itself.

    turn t: the final r, and from t on the sum of r_t and alpha (r_t - r_(t-1)), alpha = 1;
    each against the same turn of other games

Published: the sum of c_t - c_(t-1), weighed by 0.5^(T - t), with c the share of tests passed and k second
tries to one first try; here r is 1 when all hidden inputs are right, and every game has tries of its own.
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
