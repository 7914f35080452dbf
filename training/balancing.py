"""The temperature that a phase plays at, where steps before it were played to find that out (B-STaR)."""

from __future__ import annotations

from pathlib import Path

from ..agents.run_folder import RunFolder
from .config import Config
from .data.balance import balanced
from .data.stock import of_step


def warmth(config: Config, folder: Path, offset: int, temperatures: list[float]) -> float:
    """The temperature of the best balanced of the last steps before `offset`; of equals the first.

    temperatures: of these steps, in order. Raises StockError where the stock lacks one of them.
    """
    settings = config.stock
    found: list[tuple[float, float]] = []
    for place, temperature in enumerate(temperatures, offset - len(temperatures)):
        samples = of_step(RunFolder(folder).stock, place)
        known = balanced(
            [s for s in samples if not settings.roles or s.attempt.role in settings.roles],
            settings.balance,
        )
        found.append((known.score if known else 0.0, temperature))
    return max(found, key=lambda pair: pair[0])[1]
