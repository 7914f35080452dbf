"""SPIRAL's negotiation (Liu et al. 2025) with an LLM: two resources, private values, ten turns.

    (gain of the one - gain of the other) / worth of all there is; the other earns the opposite

Role-conditioned advantages with decay 0.95. Published: TextArena's game, in which only a random sample of
the legal offers was accepted; here every legal offer is.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "negotiation", "negotiation-v0", {"turns": 4}, Credits(estimator="rae", decay=0.95)
)

run_if_main(__name__, CONFIG)
