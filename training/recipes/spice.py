"""SPICE (Liu et al. 2025, arXiv 2510.24684): a challenger with a document, solvers without it.

    challenger: exp(-(p(1 - p) - 1/4)^2 / (2 s^2)), -0.1 if its answer does not stand in the document
    solver: 1 if right;  A = r - mean of the others, by role, without a deviation (Dr. GRPO)

Roles: both, one policy. 8 attempts at temperature 1. Loss: Dr. GRPO, no KL. `shelves.document` is the corpus.
Published and equal (paper): who sees what, both rewards with s^2 = 0.01 and -0.1, the advantage, 8 attempts.
Differs: the mean leaves out the sample itself; 12 short documents, there 20000; the challenger's group is the
step, there the attempts at one document; grounding is checked by rule, there the prompt alone asks for it;
free answers alone, there multiple choice too. `parameters.reward=variance` pays 4p(1 - p).
Ungrounded, the paper's ablation: --set parameters.grounded=false
Nursery: --model tiny:corpus-challenge
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language

BASE = language(
    "spice",
    "corpus-challenge-v0",
    {"attempts": 8, "reward": "gaussian", "penalty": -0.1},
    Credits(estimator="hierarchical"),
)
CONFIG = replace(
    BASE,
    shelves={"document": "shipped:spice_documents.jsonl"},
    update=replace(BASE.update, loss="dr_grpo"),
)

run_if_main(__name__, CONFIG)
