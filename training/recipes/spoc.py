"""SPOC, spontaneous self-correction (Zhao et al. 2025, 2506.06923): answer, verify, stop when it is right.

    every answer 1 if right, else 0;  every verdict 1 if true, else 0;  the answer stands at verdict `right`

Each turn against the same turn of the batch (whitened) · policy gradient · both parts · every step · one
model in both. Equal (paper, its variant of RLOO, which divides by the deviation): the interleaving, the
stop, a reward for each part by itself. Differs: there all
parts are one reply of one pass and may go on for several rounds, here one verdict and one second answer,
as moves; there the model is first tuned on pairs of answers and verdicts, messages are measured against all
others, whatever their turn, with a KL to the first weights, and best-of-n (RAFT) is the default.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "spoc",
    "critique-refine-v0",
    {"steps": 2, "stop": True},
    Credits(estimator="whiten", spread="turn", payoff=False),
)

run_if_main(__name__, CONFIG)
