"""Sol-Ver (Lin et al. 2025, arXiv 2502.14948): one model writes code and tests, and learns from what agrees.

    a test counts if more than half of the solutions pass it (no reference);
    solver: share of counted tests passed;  verifier: share of its tests that count
    first -log pi over right ones, then DPO: -log s(b (log pi/ref of the best - of the worst)), b = 0.1

Roles: both. Schedule: rounds of supervised fine-tuning on what is right, then preferences between the best
and the worst answer to one prompt, their reference the weights after fine-tuning. Sharing: one.
Published and equal: consensus as label, both roles, SFT then DPO. From memory: b and the number of rounds.
Differs: tests are pairs of input and output, not assertions beside the solution, which one-liners defeat;
problems are the game's 18 specifications; updates follow each step, there a round of samples.
Nursery: --model tiny:solve-verify
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase
from . import run_if_main
from ._language import language

BASE = language(
    "sol-ver",
    "solve-verify-v0",
    {"solvers": 4, "verifiers": 2, "oracle": "consensus"},
    Credits(estimator="none"),
)
CONFIG = replace(
    BASE,
    rounds=2,
    phases=(
        Phase(5, {"objective.kind": "imitate", "objective.choose": "right"}),
        Phase(5, {"objective.kind": "prefer", "objective.beta": 0.1, "update.magnet_every": 0}),
    ),
)

run_if_main(__name__, CONFIG)
