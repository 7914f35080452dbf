"""Programming puzzles (Haluptzok et al. 2023, arXiv 2207.14502): learn from one's own verified solutions.

    a pair counts if sat(x) gives True for the solver's x;  loss -log pi over its tokens in such pairs

Roles: the solver alone; the same model writes the puzzles and is not trained on that. Schedule: play and
keep, then fine-tune the base on all that was verified, in rounds. Sharing: one.
Published and equal: verification by execution, the loss, fine-tuning from the base. Differs: solutions are
tried 8 times each, there 128; one round there for most results; puzzles are written by the model itself,
there mostly by a larger one; a puzzle that its author cannot solve is refused.
Nursery: --model tiny:programming-puzzle
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language
from ._rounds import rounds

BASE = language(
    "puzzles",
    "programming-puzzle-v0",
    {"attempts": 8},
    Credits(estimator="none", trained=("solver",)),
)
CONFIG = replace(rounds(BASE, play=2, learn=4, roles=["solver"], start="base"), rounds=2)

run_if_main(__name__, CONFIG)
