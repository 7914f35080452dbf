"""Self-challenging agents (Zhou et al. 2025, arXiv 2506.01716): tasks with tools, a check and failing cases.

    executor: right if the task's own check accepts its answer;  loss -log pi over right ones alone
    a bundle counts if its check accepts its solution and rejects each of its failing cases

Roles: the executor alone. Schedule: the model plays both roles and is kept, then right executors are imitated
(rejection fine-tuning), in rounds. Sharing: one. The paper trains by rejection fine-tuning and by PPO; from
memory: by which in its self-improvement. (`--set phases=[]`, estimator loo: reinforcement.)
Published and equal: the bundle, its self-test, who is trained. Differs: one shop of three tools, there four
sets of tools; 2 calls a player; difficulty is noted and not filtered.
Nursery: --model small:code-as-task
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits
from . import run_if_main
from ._language import language
from ._rounds import rounds

BASE = language(
    "self-challenging",
    "code-as-task-v0",
    {"attempts": 2, "calls": 2},
    Credits(estimator="none", trained=("solver",)),
)
CONFIG = replace(rounds(BASE, play=2, learn=4, roles=["solver"]), rounds=3)

run_if_main(__name__, CONFIG)
