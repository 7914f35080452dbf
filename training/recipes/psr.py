"""PSR, positive sample reinforcement (Zhu et al. 2025, 2506.01347): learn from right answers alone.

    reward +1 right, −1 wrong, no baseline;  loss −mean over tokens of A · log π, A = max(reward, 0)

Estimator none · policy gradient · the solver · every step · one model. Equal to the paper and its code,
which drops the wrong answers of a batch and gives the others +1; there 8 answers to each of 1,024
problems of MATH, a ratio clipped at .2 over minibatches, lr 1e-6. Published: pass@1 rises, pass@k for
large k falls.
"""

from __future__ import annotations

from ..config import Objective
from . import run_if_main
from ._sums import SIGNED, sums

CONFIG = sums("psr", SIGNED, objective=Objective(positive=1.0, negative=0.0))

run_if_main(__name__, CONFIG)
