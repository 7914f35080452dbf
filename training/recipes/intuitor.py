"""Intuitor (Zhao et al. 2025, 2505.19590): the only reward is how certain the model was of its words.

    u = mean over the answer's tokens of KL(uniform‖π);  A = (u − mean u) / std u, in the group of a problem

GRPO's advantages on u alone (`payoff=false`), with a KL to the first weights · policy gradient · the
solver · every step · one model. Equal: reward and advantage, from the paper; there seven answers of
hundreds of tokens a problem and β = 0.005; here eight answers of a token. What is right is noted and
never paid.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Inside
from . import run_if_main
from ._sums import UPDATE, sums

CONFIG = sums(
    "intuitor",
    Credits(estimator="group", spread="turn", payoff=False),
    inside=Inside(certainty=1.0),
    update=replace(UPDATE, kl=0.005, kl_gradient="reverse", magnet_every=0),
)

run_if_main(__name__, CONFIG)
