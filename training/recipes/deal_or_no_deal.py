"""Self-play in non-zero-sum games (Liao et al. 2024, 2406.18872): cloning of games above the mean, in rounds.

    score = own points + λ · the other's, in tenths;  loss −log π of seats with more than their role's mean

λ is `--set parameters.dial=1.0` for partners, 0.0 (default) selfish, -1.0 for rivals · the mean is over
the round's games · both roles · rounds of two steps played and eight cloned · one model. Equal: scores,
filter, loss, rounds (released code, filter `above_avg`). Differs: ten rounds of 500 games there; each
side of a game is kept by its own score, so at λ = 0 one side of it alone may be.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Objective, Phase, StockConfig
from . import run_if_main
from ._language import OFFLINE, language

BASE = language("deal-or-no-deal", "deal-or-no-deal-v0", {"turns": 4}, Credits(estimator="none"))
CONFIG = replace(
    BASE,
    objective=Objective(choose="above_average"),
    stock=StockConfig(keep=True),
    rounds=2,
    phases=(
        Phase(steps=2, collect_only=True),
        Phase(steps=8, set={**OFFLINE, "objective.kind": "imitate"}),
    ),
)

run_if_main(__name__, CONFIG)
