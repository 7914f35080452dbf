"""ReST-EM (Singh et al. 2023, 2312.06585): draw, keep what is right, fine-tune the base on it, again.

    E: answers of the present model, reward r ∈ {0, 1};  M: −r · log π from the base, at most ten a problem

Rounds of phases: two steps are played and kept, eight imitate what they kept, from the base model each
time · the solver · one model. Equal: reward, filter, cap, loss and the start from the base (from the
paper; 32 answers a problem of MATH there, 64 of APPS, three rounds). `best = 10` of a group weighed by
what they earned are its right answers, ten at most; there the ten are drawn, here the first are taken.
"""

from __future__ import annotations

from ..config import Credits, Objective, Phase, StockConfig
from . import run_if_main
from ._language import OFFLINE
from ._sums import sums

IMITATE = {**OFFLINE, "objective.kind": "imitate"}
CONFIG = sums(
    "rest-em",
    Credits(estimator="none"),
    objective=Objective(choose="best", best=10, weigh="earned"),
    stock=StockConfig(keep=True),
    rounds=2,
    phases=(
        Phase(steps=2, collect_only=True),
        Phase(steps=8, start="base", set=IMITATE),
    ),
)

run_if_main(__name__, CONFIG)
