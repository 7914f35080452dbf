"""Agent0 (Xia et al. 2025, arXiv 2511.16043): R-Zero's turns, with an executor that uses tools.

    challenger: min(p, 1 - p) - share of like questions + 0.05 for each tool call that it provokes, 4 at most
    executor: 1 if it agrees with the majority;  A = (r - mean) / std of a group

Roles, schedule and sharing: those of R-Zero, 0.3 <= p <= 0.8, n = 16 answers, KL 0.01, lr 1e-6. The executor
may run Python in the sandbox while it solves, four times at most; what it is shown is never trained on.
Published and equal: these numbers (released code) and the rewards; calls are those of an answer on average.
Differs: ADPO, which scales an advantage down and widens the clip where the vote is unsure, is left out.
Nursery: --model tiny:question-answer (whose teachers call Python in this recipe)
"""

from __future__ import annotations

from dataclasses import replace

from . import run_if_main
from .r_zero import CONFIG as R_ZERO

TOOLS = {"tools": "python", "calls": 4, "per_call": 0.05}
CONFIG = replace(R_ZERO, recipe="agent0", parameters={**R_ZERO.parameters, "attempts": 16, **TOOLS})

run_if_main(__name__, CONFIG)
