"""TOPR, tapered off-policy REINFORCE (Le Roux et al. 2025, 2503.14286): old samples, tamed where wrong.

    reward +1 right, −1 wrong;  right: −log π;  wrong: + clip(π / μ, 0, 1) · log π, π / μ of the whole answer

No baseline and no KL; samples of the last ten steps stand beside the fresh ones (`stock`) · the solver ·
one model. Equal: the loss, from the paper. There one large batch is drawn by the present model, learned
from for many steps, and drawn anew; the baseline that a dial shifts there is `credits.baseline` here (1
is none, since a right answer pays 2 and a wrong one 0 before it).
"""

from __future__ import annotations

from ..config import Objective, StockConfig
from . import run_if_main
from ._sums import SIGNED, sums

CONFIG = sums(
    "topr",
    SIGNED,
    objective=Objective(kind="topr", clip=1.0),
    stock=StockConfig(keep=True, age=10, count=256),
)

run_if_main(__name__, CONFIG)
