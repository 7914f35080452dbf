"""SPAG (Cheng et al. 2024, arXiv 2404.10642): rounds of stored games of adversarial taboo.

    the winner's turn k of K earns 0.8^(K - k), in proportion to the paper's 0.8^-k;  a loser's and a draw's 0
    loss: -min(R A, clip(R, 1 +- 0.2) A) on stored turns, R = pi / pi_old, A = earned;  KL 0.2

Roles: both; the winner's turns alone. Schedule: three rounds of playing, then four updates on what was
played. Sharing: one. The KL is to the weights that the round began with.
Published and equal (paper and released code): who is trained, the weights of turns within a game, KL 0.2,
three rounds, the clip. Differs: there weights sum to 1 in a game and both roles count a half; R is the mean
over a sentence there, by token here; the KL is a part of A there, a term of the loss here; a first round
imitates games of GPT-4, and chats of a data set are imitated beside at 0.5; words are compared by rule.
Nursery: --model tiny:taboo
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Objective, Phase, StockConfig
from . import run_if_main
from ._language import language

BASE = language(
    "spag", "taboo-v0", {"rounds": 5}, Credits(estimator="none", spread="terminal", discount=0.8)
)
LEARN = {
    "stock.age": 3,
    "stock.alone": True,
    "stock.verdict": "right",
    "rollout.games": 1,
    "update.iterations": 4,
}
CONFIG = replace(
    BASE,
    objective=Objective(positive=1.0, negative=0.0),
    stock=StockConfig(keep=True),
    update=replace(BASE.update, lr=2e-6, kl=0.2, magnet_every=0),
    rounds=3,
    phases=(Phase(3, collect_only=True), Phase(4, LEARN)),
)

run_if_main(__name__, CONFIG)
