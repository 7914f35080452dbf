"""ExIt, exploratory iteration (Jiang et al. 2025, 2509.04575): games go on from histories worth it.

    reward r of the last answer;  A = (r − mean) / std over a start's games;  starts are drawn by spread

Half of a step's games begin at a history of an earlier step, four from each; a group gives its start the
spread of its payoffs and offers one further history (`starts`) · policy gradient · the solver · every
step · one model. Equal (abstract and summaries of the paper): groups on one start (GRPO), starts by the
variance of a group's returns, further starts out of the games themselves. Differs: there one turn is trained
at a time, some turns are told to diverge, and what is unlike its group counts more.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Starts
from . import run_if_main
from ._language import language

BASE = language(
    "exit",
    "self-correct-v0",
    {"turns": 3, "feedback": "execution"},
    Credits(estimator="group", spread="terminal"),
)
CONFIG = replace(
    BASE, starts=Starts(share=0.5, turn=2), rollout=replace(BASE.rollout, replicates=4)
)

run_if_main(__name__, CONFIG)
