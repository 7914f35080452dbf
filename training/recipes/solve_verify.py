"""Sol-Ver (Lin et al. 2025): solvers and test writers from one model; execution says who is right.

    solver: share of counted tests passed;  verifier: share of its tests that count

Published: DPO on pairs chosen by the matrix of solutions and tests; here the matrix is the reward of a policy
gradient. `--set parameters.oracle=consensus` needs no reference.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "solve-verify", "solve-verify-v0", {"solvers": 2, "verifiers": 1}, Credits(estimator="whiten")
)

run_if_main(__name__, CONFIG)
