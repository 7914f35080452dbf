"""SCoRe, stage two (Kumar et al. 2024): two turns, and a bonus for what the second corrects.

    turn 1: r1;  turn 2: r2 + alpha (r2 - r1), alpha = 10; each against the same turn of other games

Published: stage one first trains turn two alone, with a KL that holds turn one to the base model. Here a KL
to the first weights (`magnet_move=0`) covers both turns; `--set credits.turns=[2] --set credits.named=right`
trains turn two alone for r2, under that KL.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language

CREDITS = Credits(estimator="loo", spread="turn", payoff=False)
BASE = language("score", "self-correct-v0", {"alpha": 10.0}, CREDITS)
CONFIG = replace(BASE, update=replace(BASE.update, kl=0.01, kl_gradient="reverse", magnet_move=0.0))

run_if_main(__name__, CONFIG)
