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


def everywhere(found: Forest, model: Any, temperature: float) -> torch.Tensor:
    """Log-probabilities (M, V) of the whole vocabulary at every node that is asked."""
    return (found.logits(model).float() / temperature).log_softmax(-1)


def scored(
    found: Forest, every: torch.Tensor, ids: torch.Tensor, trained: torch.Tensor
) -> torch.Tensor:
    """Log-probabilities (B, T) of the trained tokens, of what `everywhere` gave; 0 elsewhere."""
    row, place, node = _places(found, trained)
    logps = every.new_zeros(trained.shape)
    return logps.index_put((row, place), every[node, ids[:, -trained.size(1) :][row, place]])


def spread(found: Forest, each: torch.Tensor, trained: torch.Tensor) -> torch.Tensor:
    """A number of each node (M) at the trained tokens (B, T) that it scores; 0 elsewhere."""
    row, place, node = _places(found, trained)
    return each.new_zeros(trained.shape).index_put((row, place), each[node])


def _places(
    found: Forest, trained: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Row and place of each trained token, and the node whose logits score it."""
    row, place = (trained != 0).nonzero(as_tuple=True)
    return row, place, found.at[:, -trained.size(1) - 1 : -1][row, place]
