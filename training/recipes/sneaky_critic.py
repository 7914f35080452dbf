"""SPC, self-play critic (Chen et al. 2025): a sneaky generator against a critic of steps.

    critic: 1 if it names exactly the falsified step, else -1;  generator: the opposite

Published: two models, offline PPO-like updates on LLM-judged step pairs; here one policy in both seats,
live, and execution proves that the step is false.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language("sneaky-critic", "sneaky-critic-v0", {"steps": 3}, Credits(estimator="rae"))

run_if_main(__name__, CONFIG)
