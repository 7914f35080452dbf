"""TTRL (Zuo et al. 2025, arXiv 2504.16084): reinforcement on the test's own questions, labelled by a vote.

    solver: 1 if it agrees with the majority of n;  A = (r - mean) / std of the attempts at one question

Roles: the one there is. Schedule: from the base, on the items that are tested (the note `gold` is accuracy on
them: a leak by design). Loss: clip of 0.2, KL 0.001 to the base, lr 5e-7. Sharing: one.
Published and equal (released script): the vote as label, GRPO, lr, KL (its framework's default). Differs:
n = 32 answers vote and are trained on, there 64 vote and 32 of them are trained on; the questions are
held-out sums, there AIME, AMC and MATH-500.
Nursery: --model 'tiny:sums?accuracy=0.3'
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase
from . import run_if_main
from ._language import language

BASE = language(
    "ttrl",
    "sums-v0",
    {"attempts": 32, "label": "majority", "part": "held-out"},
    Credits(estimator="group", std_floor=1e-6),
)
CONFIG = replace(
    BASE,
    update=replace(BASE.update, lr=5e-7, kl=0.001, magnet_every=0),
    phases=(Phase(20, start="base"),),
)

run_if_main(__name__, CONFIG)
