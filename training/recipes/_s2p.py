"""Supervision and self-play in one run (S2P): what the three orders of them share.

Supervision here is a partner who speaks the language that is to be learnt, the game's scripted player, and
imitation of the games in which the learner was understood, or understood it. Published, pairs of objects and
descriptions are given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..config import Config, Credits, Phase
from ._language import language

SUPERVISED = {
    "opponents.mode": "fixed",
    "opponents.entrant": "sample",
    "objective.kind": "imitate",
    "objective.choose": "right",
}
PLAY: Mapping[str, Any] = {}
"""Self-play is what the run's own settings say: a policy gradient, the learner in both seats."""


def ordered(recipe: str, parts: Sequence[Mapping[str, Any]], steps: int, rounds: int = 1) -> Config:
    """A recipe on the reference game that goes through these parts, so many steps each."""
    base = language(recipe, "reference-game-v0", None, Credits(estimator="rae"))
    return replace(base, rounds=rounds, phases=tuple(Phase(steps, part) for part in parts))
