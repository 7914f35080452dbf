"""SQLM, self-questioning language models (Chen et al. 2025): ask what is neither trivial nor hopeless.

    proposer: 1 if 1 < majority < n, else 0;  solver: 1 if it agrees with the majority

Published: the proposer is updated less often than the solver; here both at every step. The truth by execution
is recorded beside the vote (`notes/gold` beside `notes/proxy`), never paid.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("sqlm", "question-answer-v0", {"attempts": 4}, Credits(estimator="hierarchical"))

run_if_main(__name__, CONFIG)
