"""W-REINFORCE (Zhu et al. 2025, 2506.01347): right answers count a tenth of wrong ones.

    reward +1 right, −1 wrong, no baseline;  A = λ for right answers, −1 for wrong ones, λ = 0.1

Estimator none · policy gradient · the solver · every step · one model. Equal to the paper and its code
(`positive_advantage_weight`); λ = 1 is REINFORCE, `psr` and `nsr` are its ends.
"""

from __future__ import annotations

from ..config import Objective
from . import run_if_main
from ._sums import SIGNED, sums

CONFIG = sums("w-reinforce", SIGNED, objective=Objective(positive=0.1, negative=1.0))

run_if_main(__name__, CONFIG)
