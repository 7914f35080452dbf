"""Co-Reward (Zhang et al. 2025, arXiv 2508.00410): each wording is labelled by the vote on the other one.

    solver: 1 if it agrees with the majority of those who saw the paraphrase
    A = (r - mean) / std of the attempts at one wording (GRPO)

Roles: the solver alone. n = 8 attempts a wording. Loss: clip of 0.2, KL 0.005 to the first weights, lr 3e-6
along a cosine. Sharing: one.
Published and equal (released code): rewards, groups, n, KL, lr. A wording whose answers are all alike earns
nothing. Differs: questions come from MATH there and another model paraphrases them; here the model itself
writes both wordings, untrained.
Nursery: --model tiny:question-answer
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language

BASE = language(
    "co-reward",
    "question-answer-v0",
    {"attempts": 16, "label": "swapped"},
    Credits(estimator="group", std_floor=1e-6, trained=("solver",)),
)
CONFIG = replace(
    BASE,
    update=replace(BASE.update, lr=3e-6, schedule="cosine", kl=0.005, magnet_every=0),
)

run_if_main(__name__, CONFIG)
