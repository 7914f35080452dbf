"""MARSHAL (Yuan et al. 2025, 2510.15414): self-play of several turns, each turn and each player for itself.

    G_t = Σ of the turn rewards from t on;  A = (G_t − mean over the player's turns) / deviation

One policy in every seat · policy gradient clipped at .2, KL 0.2 to the base · both roles · every step.
Equal: returns from the turn on, a centre for each player of each game, clip, KL (released code, without
discount). Differs: the mean there is over the different values that occur, and the deviation over all
players' tokens; a turn is measured against all turns of its player, here too unless a game gives credits.
Its games are tic-tac-toe, Kuhn poker and a small Hanabi, which is not here.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, GameEntry
from . import run_if_main
from ._language import language

BASE = language("marshal", "kuhn-poker-v0", None, Credits(estimator="whiten", spread="to_go"))
CONFIG = replace(
    BASE,
    games=(GameEntry("tic-tac-toe-v0"), GameEntry("kuhn-poker-v0")),
    update=replace(BASE.update, kl=0.2, kl_gradient="reverse", magnet_every=0),
)

run_if_main(__name__, CONFIG)
