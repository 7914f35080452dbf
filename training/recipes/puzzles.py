"""Programming puzzles (Haluptzok et al. 2023): write `sat(x)`, and find an x for which it is True.

    proposer: -1 refused, else 1 - p for p > 0;  solver: 1, -1/2 wrong, -1 unreadable

Published: fine-tuning on puzzles whose solutions were verified by execution; here the same verified
solutions pay a policy gradient, and are kept by the run's buffer as `puzzle-solution`.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("puzzles", "programming-puzzle-v0", {"attempts": 3}, Credits(estimator="whiten"))

run_if_main(__name__, CONFIG)
