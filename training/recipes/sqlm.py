"""SQLM, self-questioning language models (Chen et al. 2025, arXiv 2508.03682): ask what is not trivial.

    proposer: 1 if 1 < majority < n, else 0;  solver: 1 if it agrees with the majority
    A = (r - mean) / std: proposals against those of the step, answers against those to one question (GRPO)

Roles: both; the proposer is a learner of its own that learns in every fifth step. n = 4 as in the released
settings. Loss: clip of 0.2. Sharing: two models that begin equal. The truth by execution is noted beside the
vote (`notes/gold` beside `notes/proxy`), never paid.
Published and equal: rewards, n, the majority as label. From memory: every fifth step. Differs: no KL; topics
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
    cast={"proposer": "challenger"},
    learners={"challenger": LearnerTable(every=5)},
    sharing=Sharing("models"),
)

run_if_main(__name__, CONFIG)
