"""SCoRe (Kumar et al. 2024, 2409.12917): self-correction by two stages, so that the second try is not a copy.

    stage 1: both turns earn r2, a KL of weight 1 holds turn one to the base
    stage 2: turn one earns r1, turn two r2 + α (r2 − r1), α = 10; a KL of weight 0.01 holds both

Policy gradient, each turn against the same turn of the other games of its group (RLOO), four games a
problem · the solver · two phases · one model. Equal (paper): rewards of both stages, what their KLs hold,
α = 10, 0.01. From memory: the baseline. Differs: the first KL weighs .25 for code and .1 for mathematics
there, and the small one holds stage one too; here a KL is a mean over tokens of the loss, where .1 held
nothing; turn one of stage one earns r2, there nothing (their rewards are a turn's own); code to a
specification, of 20; the reference of stage two is the model that it begins with, there the base.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase
from . import run_if_main
from ._language import language

BASE = language("score", "self-correct-v0", {"alpha": 10.0}, Credits(estimator="loo"))
CONFIG = replace(
    BASE,
    rollout=replace(BASE.rollout, replicates=4),
    update=replace(BASE.update, kl=1.0, kl_gradient="reverse", magnet_every=0),
    phases=(
        Phase(
            steps=10,
            set={
                "credits.spread": "terminal",
                "objective.pull": {"turn-1": 1.0, "turn-2": 0.0},
            },
        ),
        Phase(
            steps=10,
            set={"credits.spread": "turn", "credits.payoff": False, "update.kl": 0.01},
        ),
    ),
)

run_if_main(__name__, CONFIG)
