"""SQLM, self-questioning language models (Chen et al. 2025, arXiv 2508.03682): ask what is not trivial.

    proposer: 1 if 1 < majority < n, else 0;  solver: 1 if it agrees with the majority
    A = (r - mean) / std: proposals against those of the step, answers against those to one question (GRPO)

Roles: both; the proposer learns in every fifth step. Loss: clip of 0.2, KL 0.001 to the first weights, lr
1e-6.
The truth by execution is noted beside the vote (`notes/gold` beside `notes/proxy`), never paid.
Published and equal (released settings): rewards, n = 4, the majority as label, every fifth step, KL, lr.
Differs: two models that begin equal, since a learner rests as a whole, there one takes both updates; topics
are sums or equations (`parameters.topic`), there also code with written tests, which is a game of its own.
Nursery: --model tiny:question-answer
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, LearnerTable, Sharing
from . import run_if_main
from ._language import language

BASE = language(
    "sqlm",
    "question-answer-v0",
    {"attempts": 4, "references": 0},
    Credits(estimator="group", std_floor=1e-6),
)
CONFIG = replace(
    BASE,
    update=replace(BASE.update, kl=0.001, magnet_every=0),
    cast={"proposer": "challenger"},
    learners={"challenger": LearnerTable(every=5)},
    sharing=Sharing("models"),
)

run_if_main(__name__, CONFIG)
