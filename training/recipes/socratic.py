"""Socratic learning (Schaul 2024, arXiv 2411.16905): a closed run that chooses which language games it plays.

    each game pays by its own rules; its share of the next step is softmax(Q / t), Q the running mean |A|

Roles: all, of every game. Sharing: one. Published is a position, without an algorithm: agents improve by
language games whose feedback stays aligned with what an observer would value, and a meta-critic picks among
many games. Differs: here the bandit is that critic, and the menu has three games that need no sandbox and no
judge: a vote (`question-answer`), a corpus (`corpus-challenge`) and talk (`taboo`). Put others in with
[[games]] in a TOML file.
Nursery: --model tiny:question-answer,corpus-challenge,taboo
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, GameEntry, Mix
from . import run_if_main
from ._language import language

BASE = language("socratic", "question-answer-v0", credits=Credits(estimator="hierarchical"))
CONFIG = replace(
    BASE,
    games=(
        GameEntry("question-answer-v0", {"attempts": 4}),
        GameEntry("corpus-challenge-v0", {"attempts": 4}),
        GameEntry("taboo-v0", {"rounds": 3}, credits={"estimator": "rae"}),
    ),
    mix=Mix(by="learnability", floor=0.1),
)

run_if_main(__name__, CONFIG)
