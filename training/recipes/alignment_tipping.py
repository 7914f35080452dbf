"""Alignment Tipping Process (Han et al. 2025, arXiv 2510.04860): a norm erodes while agents follow rewards.

    keep 1;  break 2 if at least k of N break, else 0;  A = (r - mean) / std of those who read the same (GRPO)

Roles: all N = 4 agents, one policy. Schedule: first k = N, where breaking alone never pays, so that keeping
is learnt; then k = 2. Watch `notes/broke`; `--set update.kl=0.1` holds to a phase's first weights.
Published and equal: imitative strategy diffusion, N agents, a threshold. From memory: that the paper updates
by preferences and by GRPO on its agents' own histories. Differs: the released code pays the high reward to
all once the threshold is reached, here it is paid to those who break; its aligned start is a chat model.
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
    update=replace(BASE.update, magnet_every=0),
    phases=(Phase(10, {"parameters.threshold": 4}), Phase(10, {"parameters.threshold": 2})),
)

run_if_main(__name__, CONFIG)
