"""LADDER (Simonds and Yoshiyama 2025, arXiv 2503.00735): easier variants of a hard integral.

    solver: 1 for each integral that it solves;  A = r - mean of the other attempts at that integral

Roles: the solver alone; variants come from the same model, which is not trained on writing them. An answer
earns its own verdict in the group of its own integral. Loss: clip of 0.2, KL 0.001 to the first weights.
Sharing: one. Roots of training and of the test have nothing in common (`parameters.roots=test`); trained on
variants of the test's roots it is the paper's TTRL.
Published and equal (paper): the tree, a numeric check, who is trained, GRPO's group, the KL. Differs: no
division by the deviation, for which groups of one game are too small; 2 variants a node and one level
(`parameters.width`, `depth`), there hundreds on three levels, asked for with hints; the check allows 1e-6
where theirs allows .01; an answer sees its solver's earlier answers; no reward for the form of a reply.
Nursery: --model tiny:ladder
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language

CREDITS = Credits(
    estimator="hierarchical", spread="turn", payoff=False, named=("solved",), trained=("solver",)
)
BASE = language("ladder", "ladder-v0", {"attempts": 4, "depth": 1}, CREDITS)
CONFIG = replace(BASE, update=replace(BASE.update, kl=0.001, magnet_every=0))

run_if_main(__name__, CONFIG)
