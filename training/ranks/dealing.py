"""A step's rows dealt to several processes, so that the average of their gradients is that of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from ..data.batch import REJECTED, Batch
from ..data.parts import BY_TOTAL, trimmed


def dealt(batch: Batch, rank: int, count: int, *, loss: str, multiple: int = 1) -> Batch:
    """The rows of process `rank` of `count`, and by which `factor` its loss counts in the average.

    A loss that is a mean over rows counts by the process's share of them, `bnpo` by its share of tokens.
    Masked rows are added until their number divides by `multiple`; there is at least one.
    """
    real = [row for row, samples in enumerate(batch.rows) if samples]
    costs = _costs(batch.tensors)
    own = sorted(shares([costs[row] for row in real], count)[rank])
    picked = [real[place] for place in own]
    blank = -len(picked) % multiple or (0 if picked else multiple)

    # What is masked is copied from a row that is there: its tokens can be looked at.
    places = torch.tensor(picked + [0] * blank)
    masked = torch.tensor([False] * len(picked) + [True] * blank)
    tensors = trimmed(
        {
            name: _without(name, tensor[places], masked) if tensor.dim() else tensor
            for name, tensor in batch.tensors.items()
        }
    )
    rows = tuple(batch.rows[row] for row in picked) + ((),) * blank

    by_row = count * len(rows) / len(batch.rows)
    share = _tokens(tensors) / max(_tokens(batch.tensors), 1e-9)
    factor = 1.0 if loss in BY_TOTAL else count * share if loss == "bnpo" else by_row
    return replace(batch, tensors=tensors, rows=rows, factor=factor, by_row=by_row, share=share)


def shares(costs: Sequence[float], count: int) -> list[list[int]]:
    """Places dealt to `count` hands, the costliest first, each to the hand that has least."""
    hands: list[list[int]] = [[] for _ in range(count)]
    held = [0.0] * count
    # The sort is stable, and of equal hands the first is taken: all processes deal alike.
    for place in sorted(range(len(costs)), key=lambda place: -costs[place]):
        hand = held.index(min(held))
        hands[hand].append(place)
        held[hand] += costs[place]
    return hands


def _costs(tensors: Mapping[str, torch.Tensor]) -> list[float]:
    """The tokens of each row, of both samples of a pair."""
    masks = [tensor.sum(1) for name, tensor in tensors.items() if _is_mask(name)]
    return torch.stack(masks).sum(0).tolist()


def _is_mask(name: str) -> bool:
    return name.removeprefix(REJECTED) in ("prompt_mask", "completion_mask")


def _tokens(tensors: Mapping[str, torch.Tensor]) -> float:
    return float((tensors["tool_mask"] * tensors["completion_mask"]).sum())


def _without(name: str, tensor: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """The rows of a tensor, those that are `masked` without weight."""
    plain = name.removeprefix(REJECTED)
    if plain in ("prompt_ids", "completion_ids", "prompt_mask", "learner"):
        return tensor
    blank = masked if tensor.dim() == 1 else masked[:, None]
    return tensor.masked_fill(blank, 0)
