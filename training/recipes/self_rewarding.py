"""Self-Rewarding Language Models (Yuan et al. 2024, 2401.10020): the model judges its own answers; DPO.

    loss −log σ(β [log π/π_ref (best) − log π/π_ref (worst)]), β = 0.1, best and worst by its own verdict

Two iterations: in each the judge is the model that it begins with, which is also the reference · the
solver · one model. Its own questions are asked by the same model (the proposer, untrained). Equal: own
questions, own judge, pairs, β, a new judge each iteration. Differs: verdicts are right or wrong, there 0
to 5 points averaged over three; pairs of equal points are left out in both. β from memory.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Objective, Phase
from . import run_if_main
from ._language import language

BASE = language(
    "self-rewarding",
    "question-answer-v0",
    {"attempts": 4, "label": "judge"},
    Credits(estimator="none", trained=("solver",)),
)
CONFIG = replace(
    BASE,
    judge="self",
    objective=Objective(kind="prefer", beta=0.1, roles=("solver",)),
    phases=(
        Phase(steps=10, set={"judge": "self@start"}),
        Phase(steps=10, set={"judge": "self@latest"}),
    ),
)

run_if_main(__name__, CONFIG)
