"""NSR, negative sample reinforcement (Zhu et al. 2025, 2506.01347): learn from wrong answers alone.

    reward +1 right, −1 wrong, no baseline;  loss −mean over tokens of A · log π, A = min(reward, 0)

Estimator none · policy gradient · the solver · every step · one model. Equal to the paper and its code,
which drops the right answers of a batch and gives the others −1; batch and lr as in `psr`. Published:
what a wrong answer loses goes to the others in proportion, so pass@k is kept for every k.
"""

from __future__ import annotations

from ..config import Objective
from . import run_if_main
from ._sums import SIGNED, sums

CONFIG = sums("nsr", SIGNED, objective=Objective(positive=0.0, negative=1.0))

run_if_main(__name__, CONFIG)
