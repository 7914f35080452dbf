"""LADDER (Simonds and Yoshiyama 2025): easier variants of a hard integral, in a tree, then the integrals.

    proposer: mean over its variants of 1 - p for p > 0;  solver: share of all integrals solved

Published: variants are made before training by a fixed prompt; here making them is a role and is trained too.
Set `credits.trained=solver` for solvers alone.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("ladder", "ladder-v0", {"attempts": 2, "depth": 1}, Credits(estimator="group"))

run_if_main(__name__, CONFIG)
