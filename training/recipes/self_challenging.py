"""Self-challenging agents (Zhou et al. 2025): a task comes with tools, a check and its own failing cases.

    challenger: -1 if the bundle fails its self-test, else 1 - p for p > 0;
    executor: 1, -1/2 wrong, -1 unreadable

Published: only the executor is trained, by rejection fine-tuning or PPO; here both roles by policy
gradient. Set `credits.trained=solver` for the executor alone.
"""

from __future__ import annotations

from ..config import Credits
from . import run_if_main
from ._language import language

CONFIG = language(
    "self-challenging", "code-as-task-v0", {"attempts": 2, "calls": 2}, Credits(estimator="whiten")
)

run_if_main(__name__, CONFIG)
