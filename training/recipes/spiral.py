"""SPIRAL (Liu et al. 2025): one policy in every seat of a zero-sum game, advantages per role.

Here with what makes it converge: a weak pull to a slowly moving magnet turns the policy gradient, which
alone freezes or cycles, into magnetic mirror descent (Sokota et al. 2023). The defaults train `tiny` on
Kuhn poker; any game of two players takes its place (`--set game=tic-tac-toe-v0`).
"""

from __future__ import annotations

from ..config import Config, Credits, Record, Rollout, Update
from . import run_if_main

CONFIG = Config(
    recipe="spiral",
    game="kuhn-poker-v0",
    model="tiny",
    steps=3000,
    rollout=Rollout(games=256, max_tokens=8),
    credits=Credits(estimator="rae", decay=0.95, failed_try=-3.0),
    update=Update(
        loss="dr_grpo", lr=5e-4, beta2=0.99, kl=1.0, magnet_every=10, magnet_move=0.1, average=0.998
    ),
    record=Record(
        evaluate_every=100, checkpoint_every=500, metrics_every=10, transcripts_every=500
    ),
)

run_if_main(__name__, CONFIG)
