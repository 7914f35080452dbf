"""NFT, negative-aware fine-tuning (Chen et al. 2025, 2505.18116): supervised learning that uses failures too.

    right: −log R;  wrong: −log max((1 − q R) / (1 − q), ε);  R = π / π_old, q the share of right answers

Groups that are all right or all wrong are left out, the others weigh √((1 − q) / q), as GRPO weighs them
(`objective.balance = "dr_grpo"`: 1 − q). Eight answers a problem, two steps on each batch · the solver ·
one model. Equal: the loss, the clipped value with a straight gradient, the weights (from the paper and
its code); there 16 answers, DAPO's sampling of more problems in place of those left out, and lr 1e-6.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Filters, Objective
from . import run_if_main
from ._sums import UPDATE, sums

CONFIG = sums(
    "nft",
    Credits(estimator="group"),
    objective=Objective(kind="nft", epsilon=1.0, balance="grpo"),
    filters=Filters(alike=True),
    update=replace(UPDATE, iterations=2),
)

run_if_main(__name__, CONFIG)
