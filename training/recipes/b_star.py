"""B-STaR (Zeng et al. 2024, 2412.17256): self-training whose temperature and threshold keep a balance.

    a problem's balance min(n' / n*, 1) · n' / n: n answers kept, n' of them right and different, n* = 8

Each round draws, keeps the best and imitates them, on from the model of the round before · loss −log π ·
the solver · one model. Published: before every round temperature and threshold are searched, and those
with the greatest mean balance are taken. A phase cannot choose: here the temperatures are given, and
rise, as the ones found there did; at most n* right answers a problem are kept. The filter there adds a
process reward model's score to the check of the answer. Formula from the released code; the rise from
memory.
"""

from __future__ import annotations

from ..config import Credits, Objective, Phase, StockConfig
from . import run_if_main
from ._sums import sums
from .rest_em import IMITATE

CONFIG = sums(
    "b-star",
    Credits(estimator="none"),
    objective=Objective(choose="best", best=8, weigh="earned"),
    stock=StockConfig(keep=True),
    phases=(
        Phase(steps=2, collect_only=True, set={"rollout.temperature": 0.7}),
        Phase(steps=8, set=IMITATE),
        Phase(steps=2, collect_only=True, set={"rollout.temperature": 1.1}),
        Phase(steps=8, set=IMITATE),
    ),
)

run_if_main(__name__, CONFIG)
