"""RISE (Liu et al. 2025, 2505.13445): one update teaches to solve and to verify one's own answer.

    solver 1 right, else 0;  verifier 1 if its verdict on that answer is true, else 0

Whitened over the batch for each part · policy gradient, KL 0.01 · both parts · every step · one model in
both. Equal: both rewards in one update, on answers of the present model (released code: 1, −½ wrong, −1
without a form, for either part; whitening undoes the scale, and a failed try costs 1). Differs: PPO with
a value model there; one verdict an answer, there one to eight answers; roles are seats, there two
prompts.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language

BASE = language(
    "rise",
    "critique-refine-v0",
    {"steps": 2, "second": False},
    Credits(estimator="whiten", spread="turn", payoff=False),
)
CONFIG = replace(BASE, update=replace(BASE.update, kl=0.01, kl_gradient="reverse", magnet_every=0))

run_if_main(__name__, CONFIG)
