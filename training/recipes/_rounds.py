"""Rounds of rejection fine-tuning: play and keep, then imitate what was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..config import Config, Phase, StockConfig


def rounds(
    config: Config, *, play: int, learn: int, roles: Sequence[str], start: str = "last"
) -> Config:
    """`play` steps that only keep, then `learn` updates of -log pi on the right samples of these roles.

    All updates take the samples that were kept in the phase before; one game a step is still played, and
    left out. `start` is what the second phase begins from.
    """
    imitate = {
        "objective.kind": "imitate",
        "objective.roles": list(roles),
        "stock.age": play,
        "stock.alone": True,
        "stock.roles": list(roles),
        "stock.verdict": "right",
        "rollout.games": 1,
        "update.iterations": learn,
    }
    return replace(
        config,
        stock=StockConfig(keep=True),
        phases=(Phase(play, collect_only=True), Phase(learn, imitate, start=start)),
    )
