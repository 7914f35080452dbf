"""CoCoS (Cho et al. 2025, 2505.23060): small models learn to correct their code by progress in tests.

    R = Σ_t γ^(T − t) (c_t − c_(t−1)), γ = 0.5, c_0 = 0, c the share of tests passed; only turn T is trained
    A = R − R of the other try (RLOO, k = 2);  loss −min(A ρ, clip(ρ, .8, 1.2) A), KL 0.05 to the base

The solver · four updates on each batch · one model. Equal: reward, two second tries to one first try
(`starts`), clip, KL, updates, temperature .9, T = 2 (released code, which trains the second try alone).
Differs: the KL is a term of the loss, there a part of the reward; there the model is first taught better
first answers (`boost`).
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Starts
from . import run_if_main
from ._language import language

BASE = language(
    "cocos",
    "self-correct-v0",
    {"pay": "progress", "grade": "share", "gamma": 0.5},
    Credits(estimator="loo", spread="terminal", turns=(2,)),
)
CONFIG = replace(
    BASE,
    starts=Starts(branches=2, turn=2),
    rollout=replace(BASE.rollout, temperature=0.9),
    update=replace(BASE.update, iterations=4, kl=0.05, kl_gradient="reverse", magnet_every=0),
)

run_if_main(__name__, CONFIG)
