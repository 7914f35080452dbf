"""Mind the Gap (Song et al. 2024, 2412.02674): how much better own verdicts make own answers.

    gap = Σ right · verdict / Σ verdict − mean of right, over answers and the model's own verdicts on them

A measurement: the exam `gap` holds it before, during and after, exactly (`exam/gap/gap`). Between exams
the verdict is trained for ten steps, then both parts (`rise`) · whitened by turn · the solver · one
model. Equal: the gap of the filter that keeps what is called right; there of many models and tasks, and
the relative gap (divided by 1 − accuracy) grows with pretraining; for any model: `sparring exam MODEL
sums-check-v0`.
"""

from __future__ import annotations

from ..config import Credits, Exam, Phase, Rollout
from . import run_if_main
from ._sums import sums

CHECK = {"second": False, "level": 2}
CONFIG = sums(
    "mind-the-gap",
    Credits(estimator="whiten", spread="turn", payoff=False),
    game="sums-check-v0",
    parameters=CHECK,
    model="tiny:sums-check?accuracy=0.5",
    rollout=Rollout(games=256, max_tokens=4),
    exams=(Exam("sums-check-v0", CHECK, "gap", every=5),),
    phases=(
        Phase(steps=10, set={"credits.named": ["verdict"], "credits.turns": [2]}),
        Phase(steps=10),
    ),
)

run_if_main(__name__, CONFIG)
