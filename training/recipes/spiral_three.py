"""SPIRAL on three games (Liu et al. 2025, 2506.24119), with an LLM: tic-tac-toe, Kuhn poker, negotiation.

    payoff of the game (of negotiation its sign);  A = R − b, b ← 0.95 b + 0.05 R, for each game and role

One policy in every seat · policy gradient, Dr. GRPO's sum over tokens and no KL · both roles · every
step, a third of it each game. Equal: rewards, RAE, sharing. Differs: in Kuhn's pot, which grows with the
bets, and in offers, of which every legal one is taken; both were otherwise in the published games. Models
that think do so with `--set rollout.think=template`, others with `asked`: without thoughts there is
nothing to transfer.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, GameEntry
from . import run_if_main
from ._language import language

BASE = language("spiral-three", "kuhn-poker-v0", None, Credits(estimator="rae", decay=0.95))
CONFIG = replace(
    BASE,
    games=(
        GameEntry("tic-tac-toe-v0"),
        GameEntry("kuhn-poker-v0"),
        GameEntry("negotiation-v0", {"turns": 4, "pay": "sign"}),
    ),
    update=replace(BASE.update, loss="dr_grpo"),
)

run_if_main(__name__, CONFIG)
