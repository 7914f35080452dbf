"""SPAG (Cheng et al. 2024): adversarial taboo; the attacker makes the defender say a word.

    winner 1, loser -1, draw 0; every turn is credited with its game's payoff

Published: offline, on the winner's turns of stored games, with turn weights 0.8^-t and a KL to the supervised
model; here live games, both sides, equal weights.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("spag", "taboo-v0", {"rounds": 3}, Credits(estimator="rae", spread="terminal"))

run_if_main(__name__, CONFIG)
