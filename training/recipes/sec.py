"""SEC, self-evolving curriculum (Chen et al. 2025, arXiv 2505.14970): a bandit over kinds of problems.

    Q <- a r + (1 - a) Q with r the mean |A| of a kind's samples;  shares = softmax(Q / t)
    solver: 1 if right;  A = (r - mean) / std of the attempts at one problem (GRPO)

Roles: the one there is. Schedule: the bandit. Loss: clip of 0.2. Sharing: one. Arms are levels of sums.
Published and equal: the bandit and its reward, GRPO. Differs: a and t are tuned for each task there and are
0.5 and 1 here; arms are sums modulo 4 to 32, there levels and kinds of planning, induction, mathematics.
Nursery: --model 'tiny:sums?accuracy=0.3', which knows the first level and learns the others
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, GameEntry, Mix
from . import run_if_main
from ._language import language

LEVELS = (8, 1, 2, 4)
BASE = language("sec", "sums-v0", credits=Credits(estimator="group", std_floor=1e-6))
CONFIG = replace(
    BASE,
    games=tuple(GameEntry("sums-v0", {"attempts": 8, "level": level}) for level in LEVELS),
    mix=Mix(by="learnability", rate=0.5, temperature=1.0, floor=0.02),
)

run_if_main(__name__, CONFIG)
