"""SPICE (Liu et al. 2025): a challenger with a document, solvers without it.

    challenger: -1 if its answer does not stand in the document, else 4p(1 - p);  solver: 1 if right

Advantages are centred per role without dividing by the deviation, as published. Published: difficulty is
paid by a Gaussian around the same maximum, over a large corpus; here documents are the game's own few, or
those that the run's buffer holds.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "spice", "corpus-challenge-v0", {"attempts": 4}, Credits(estimator="hierarchical")
)

run_if_main(__name__, CONFIG)
