"""SeRL (Fang et al. 2025, arXiv 2505.20347): a small bank of questions grows, and a vote pays the answers.

    solver: 1 if it agrees with the majority of n = 16;  A = (r - mean) / std over the step (REINFORCE++)

Roles: the solver alone; the same model writes the questions from 8 examples of the bank and its own, and is
not trained on that. Groups with 0.2 <= p <= 0.8 are trained on. Loss: clip of 0.2, KL 0.001 to the first
weights, lr 5e-7. Sharing: one. `shelves.question` is the bank.
Published and equal (paper and released script): all of that. Differs: the bank has 24 sums, there 500 of
MATH; near copies (ROUGE-L above 0.7) are thrown away there, here asked but shown as what not to ask;
questions come anew in each step, there 2000 at a time; temperature 1 for questions too, there 0.8.
Nursery: --model tiny:question-answer
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Filters
from . import run_if_main
from ._language import language

BASE = language(
    "serl",
    "question-answer-v0",
    {"attempts": 16, "reward": "serl", "references": 8},
    Credits(estimator="whiten", std_floor=1e-6, trained=("solver",)),
)
CONFIG = replace(
    BASE,
    shelves={"question": "shipped:serl_questions.jsonl"},
    filters=Filters(low=0.2, high=0.8, roles=("solver",)),
    update=replace(BASE.update, lr=5e-7, kl=0.001, magnet_every=0),
)

run_if_main(__name__, CONFIG)
