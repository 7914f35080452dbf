"""R-Zero (Huang et al. 2025, arXiv 2508.05004): a challenger and a solver, two models, learn in turns.

    challenger: min(p, 1 - p) - share of the step's questions that are like its own, -1 for none
    solver: 1 if it agrees with the majority;  A = (r - mean) / std of a group (GRPO)

p is the majority's share of 10 answers at temperature 1. Schedule: three rounds of 5 steps of the challenger
against a solver that stands still, then 15 of the solver on questions with 0.3 <= p <= 0.8. Loss: clip of
0.2, KL 0.01 to the weights that the phase began with, lr 1e-6. Sharing: two models that begin equal.
Published and equal (paper and released code): all of that; min(p, 1 - p) is half of the paper's
1 - 2|p - 1/2|. Differs: alike is measured in words and not in BLEU; two answers at least must agree; the
solver's questions are asked anew at each step and trained on all ten answers, there 8000 are kept and five.
Nursery: --model tiny:question-answer
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase, Sharing
from . import run_if_main
from ._language import language

BASE = language(
    "r-zero",
    "question-answer-v0",
    {"attempts": 10, "reward": "tent", "references": 0},
    Credits(estimator="group", std_floor=1e-6),
)
ASKING = {"credits.trained": ["proposer"], "filters.charge": 1.0}
BAND = {"filters.low": 0.3, "filters.high": 0.8, "filters.roles": ["solver"]}
CONFIG = replace(
    BASE,
    cast={"proposer": "challenger"},
    sharing=Sharing("models"),
    update=replace(BASE.update, kl=0.01, magnet_every=0),
    rounds=3,
    phases=(Phase(5, ASKING), Phase(15, {"credits.trained": ["solver"], **BAND})),
)

run_if_main(__name__, CONFIG)
