"""CoMAS (Xue et al. 2025, 2510.08529): agents solve, evaluate each other, score, and all of it is trained.

    s = (score − 1) / 2:  solver s, evaluator 1 − s, scorer 0, or −1 without a score (then the others 0)

Each part is whitened over the batch (REINFORCE++) · policy gradient · all parts · every step · a learner
an agent, adapters on one base. Equal: rewards, parts, scores from 1 to 3 (released code). Differs: whole
models and four agents in two rounds there, adapters and three in one here; there the peers of an answer
are drawn. `--set parameters.agents=4 --set parameters.rounds=2` with a cast of four is the paper's size.
"""

from __future__ import annotations

from dataclasses import replace

from ..config import Credits, Sharing
from . import run_if_main
from ._language import language

PARTS = ("solver", "evaluator", "scorer")
BASE = language(
    "comas",
    "peer-review-v0",
    {"agents": 3, "rounds": 1, "steps": 2},
    Credits(estimator="whiten", spread="turn", payoff=False),
)
CONFIG = replace(
    BASE,
    cast={f"{part}_{k}": name for k, name in ((1, "second"), (2, "third")) for part in PARTS},
    sharing=Sharing(mode="adapters"),
    update=replace(BASE.update, lora=8, lr=1e-4),
)

run_if_main(__name__, CONFIG)
