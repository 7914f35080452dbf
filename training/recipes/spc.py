"""SPC, self-play critic (Chen et al. 2025, 2504.19162): a sneaky generator against a critic of steps.

    critic +1 if it names the falsified step, else −1; generator the opposite
    loss −min(A ρ, clip(ρ, .8, 1.2) A) − 0.15 · log π of won games, A the reward, ρ = π / π_old

Two models, both trained, in rounds: two steps are played and kept, then both learn from what was kept,
offline. Equal: reward, no baseline, clip .2, weight .15 of imitation, two models, two rounds (released
code). Differs: ρ is taken token by token, there over the answer's mean log-probability; imitation is of
won games, there of labelled PRM800K, which also teaches both models before round one; a lie is proven by
execution, there by a solver that then fails; both roles meet in each round, there generators also meet
critics of earlier ones.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Phase, Sharing, StockConfig
from . import run_if_main
from ._language import OFFLINE, language

BASE = language("spc", "sneaky-critic-v0", {"steps": 3}, Credits(estimator="none"))
CONFIG = replace(
    BASE,
    cast={"critic": "critic"},
    sharing=Sharing(mode="models"),
    stock=StockConfig(keep=True),
    update=replace(BASE.update, clip_ratio=0.2),
    rounds=2,
    phases=(
        Phase(steps=2, collect_only=True),
        Phase(steps=8, set={**OFFLINE, "objective.imitate": 0.15}),
    ),
)

run_if_main(__name__, CONFIG)
