"""Log-probabilities of a batch's trained tokens, each distinct prefix computed once (`forest.py`)."""

from __future__ import annotations

from typing import Any

import torch

from ...agents.language.forest import Forest, forest, suits
from ..config import ConfigError

_MOST = 1 << 24
"""How many logits, and pairs of nodes in a mask, may be held at once."""


def by_forest(setting: str, model: Any, processes: int) -> bool:
    """Whether a run's rows are scored as a forest. Raises ConfigError where it is asked for in vain."""
    fit = suits(model) and processes == 1
    if setting == "on" and not fit:
        raise ConfigError(
            "update.forest = on needs one process and a model with plain causal attention through sdpa "
            "(no sliding window, no recurrence); use auto or off"
        )
    return fit and setting != "off"


def planted(
    ids: torch.Tensor, real: torch.Tensor, trained: torch.Tensor, size: int
) -> Forest | None:
    """The forest of rows (B, P + T) that scores their last T tokens where `trained` (B, T) is not 0.

    None where it would hold more than a batch of rows should: `size` is the vocabulary's.
    """
    asked = torch.zeros_like(real, dtype=torch.bool)
    # The logits at a place score the token after it.
    asked[:, -trained.size(1) - 1 : -1] = (trained != 0) & (real[:, -trained.size(1) :] != 0)
    found = forest(ids, real, asked)
    if found is None:
        return None

    held = [(len(part.ids), part.ids.size(1), part.asked) for part in found.chunks]
    logits = sum(chunks * asked for chunks, _, asked in held) * size
    pairs = max(chunks * nodes * nodes for chunks, nodes, _ in held)
    return found if max(logits, pairs) <= _MOST else None


def scored(
    found: Forest,
    model: Any,
    ids: torch.Tensor,
    trained: torch.Tensor,
    temperature: float,
    *,
    entropy: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Log-probabilities (B, T) of the trained tokens, and entropies if wanted; 0 elsewhere."""
    keep = trained.size(1)
    every = (found.logits(model).float() / temperature).log_softmax(-1)
    at, mask = found.at[:, -keep - 1 : -1], trained != 0
    row, place = mask.nonzero(as_tuple=True)

    node = at[row, place]
    logps = every.new_zeros(mask.shape)
    logps = logps.index_put((row, place), every[node, ids[:, -keep:][row, place]])
    if not entropy:
        return logps, None

    # The entropy is only reported; no gradient flows through it.
    known = every.detach()
    each = -(known.exp() * known).sum(-1)
    return logps, each.new_zeros(mask.shape).index_put((row, place), each[node])
