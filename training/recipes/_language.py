"""What the recipes for language games share: a small instruction-tuned model and settings for a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import Config, Credits, Record, Rollout, Update

OFFLINE = {
    "stock.keep": False,
    "stock.source": "self",
    "stock.age": 2,
    "stock.alone": True,
    "rollout.games": 1,
}
"""A phase that learns from the last two steps kept; one game a step is still played, and left out."""


def language(
    recipe: str,
    game: str,
    parameters: Mapping[str, Any] | None = None,
    credits: Credits | None = None,
) -> Config:
    """A recipe that trains an LLM on a game of text; `--set` and a TOML file change any of it.

    Two example games stand before each prompt, since a model of this size follows a form that it has seen.
    """
    return Config(
        recipe=recipe,
        game=game,
        parameters=dict(parameters or {}),
        model="smollm2-135m",
        steps=20,
        rollout=Rollout(games=8, at_once=8, max_tokens=96, shots=2),
        credits=credits or Credits(),
        update=Update(loss="dapo", lr=1e-6, schedule="constant", beta2=0.999, microbatches=2),
        record=Record(checkpoint_every=10, transcripts_every=1, transcripts=4, keep=2),
    )
