"""What a schedule will cost and whether it can decide, said before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from .ratings import ELO
from .results import Block

GAP = 50.0


@dataclass(frozen=True)
class Plan:
    """Blocks to play, in issue order, with what they cost.

    `tokens` is the expected total; `resolves` the mean chance, over all two entrants, that their 95 %
    interval would tell a gap of `gap` Elo between otherwise equal entrants.
    """

    blocks: tuple[Block, ...]
    games: int
    tokens: float
    resolves: float
    gap: float

    def __str__(self) -> str:
        entrants = {name for block in self.blocks for name in block.entrants}
        return (
            f"{len(entrants)} entrants, {len(self.blocks):,} blocks, {self.games:,} games, "
            f"about {self.tokens:,.0f} tokens; tells two entrants {self.gap:g} Elo apart "
            f"with chance {self.resolves:.0%}"
        )


def plan(
    blocks: Sequence[Block],
    *,
    tokens: Mapping[str, float] | float = 0.0,
    gap: float = GAP,
    spread: float = 1.0,
) -> Plan:
    """Cost and power of blocks. `tokens` is what an entrant uses in a game, or one figure for all.

    `spread` is the design effect of the games: how much wider clustered errors are expected to be.
    """
    names = sorted({name for block in blocks for name in block.entrants})
    each = tokens if isinstance(tokens, Mapping) else dict.fromkeys(names, tokens)
    games = sum(len(block.seatings) for block in blocks)
    total = sum(each[name] * len(block.seatings) for block in blocks for name in block.entrants)
    return Plan(tuple(blocks), games, total, _resolves(blocks, names, gap, spread), gap)


def _resolves(blocks: Sequence[Block], names: Sequence[str], gap: float, spread: float) -> float:
    """From the Fisher information of the planned games at even chances."""
    at = {name: n for n, name in enumerate(names)}
    fisher = np.zeros((len(names), len(names)))
    for block in blocks:
        weight = len(block.seatings) / (4 * (len(block.entrants) - 1))
        for i, j in combinations([at[name] for name in block.entrants], 2):
            fisher[[i, j], [i, j]] += weight
            fisher[[i, j], [j, i]] -= weight
    if len(names) < 2:
        return 0.0
    spans = np.linalg.pinv(fisher)
    variance = np.add.outer(np.diag(spans), np.diag(spans)) - 2 * spans
    error = spread * np.sqrt(variance[np.triu_indices(len(names), 1)])
    return float(np.mean(stats.norm.sf(1.96 - gap / ELO / np.maximum(error, 1e-12))))
