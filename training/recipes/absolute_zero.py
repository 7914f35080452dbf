"""Absolute Zero (Zhao et al. 2025): the model proposes programs and works out what they return.

Execution gives the answer key and the gate; both roles share one policy, and advantages are whitened
per (game, role) over the batch (TRR++), without KL. The defaults are small enough for a CPU.
"""

from __future__ import annotations

from ..config import Config, Credits, Record, Rollout, Update
from . import run_if_main

CONFIG = Config(
    recipe="absolute-zero",
    game="code-deduction-v0",
    parameters={"attempts": 3},
    model="smollm2-135m",
    steps=20,
    rollout=Rollout(games=8, at_once=8, max_tokens=160, temperature=0.6),
    credits=Credits(estimator="whiten"),
    update=Update(loss="dapo", lr=1e-6, schedule="constant", beta2=0.999, microbatches=2),
    record=Record(checkpoint_every=10, transcripts_every=1, transcripts=4, keep=2),
)

run_if_main(__name__, CONFIG)
