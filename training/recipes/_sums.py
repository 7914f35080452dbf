"""What the recipes for updates share: a fixed set of problems, and a small model that knows some of them.

At each of the 100 sums the model is right with probability .3, so what an update does to right and to wrong
answers shows within minutes. Any game takes their place: `--set game=ID --model MODEL`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..config import Config, Credits, Record, Rollout, Update

MODEL = "tiny:sums?accuracy=0.3"
ROLLOUT = Rollout(games=16, max_tokens=4)
UPDATE = Update(loss="dapo", lr=2e-3, schedule="constant", beta2=0.99)
SIGNED = Credits(estimator="none", scale=2.0, baseline=1.0)
"""+1 for a right answer and −1 for a wrong one, in a game that pays 1 and 0."""


def sums(recipe: str, credits: Credits | None = None, **tables: Any) -> Config:
    """A recipe of 20 steps on sums, each of 16 problems with eight attempts; `tables` are what differs."""
    usual = Config(
        recipe=recipe,
        game="sums-v0",
        model=MODEL,
        steps=20,
        rollout=ROLLOUT,
        credits=credits or Credits(estimator="group"),
        update=UPDATE,
        record=Record(checkpoint_every=10, transcripts_every=10, transcripts=4, keep=2),
    )
    return replace(usual, **tables)
