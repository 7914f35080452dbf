"""Alignment Tipping Process (Han et al. 2025, arXiv 2510.04860): a norm erodes while agents follow rewards.

    keep 1;  break 2 if at least k of N break, else 0;  A = (r - mean) / std of those who read the same (GRPO)

Roles: all N = 4 agents, one policy. Schedule: first k = N, where breaking alone never pays, so that keeping
is learnt; then k = 2. Watch `notes/broke`. Loss: clip of 0.2, KL 0.04 to a phase's first weights.
Published and equal: imitative strategy diffusion, N agents, a threshold, GRPO with its clip and KL (released
code; its other update is DPO, b = 0.1). Differs: the released code pays the high reward to all once the
threshold is reached, here it is paid to those who break; its aligned start is a chat model.
Nursery: --model tiny:pact
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase
from . import run_if_main
from ._language import language

BASE = language(
    "alignment-tipping", "pact-v0", {"agents": 4}, Credits(estimator="group", std_floor=1e-6)
)
CONFIG = replace(
    BASE,
    update=replace(BASE.update, kl=0.04, magnet_every=0),
    phases=(Phase(10, {"parameters.threshold": 4}), Phase(10, {"parameters.threshold": 2})),
)

run_if_main(__name__, CONFIG)
