"""Batches of several learners as one, in which each learner's loss is what it would be alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..config import BY_ROW
from .batch import REJECTED, Batch

LEARNER_ROWS = "learner"
"""The tensor (B) that says whose each row is, by the learner's place among the names."""

_WIDE = ("prompt_ids", "completion_ids")


def joined(parts: Mapping[int, Batch], *, loss: str, pad: int, multiple: int = 1) -> Batch:
    """The rows of all parts, by the place of their learner, padded to one width.

    Losses divide by the rows or the tokens of the whole batch; weights undo that, so that each learner's
    loss is divided by its own. Masked rows are added until their number divides by `multiple`.
    """
    some = next(iter(parts.values())).tensors
    widest = {
        name: max(part.tensors[name].size(1) for part in parts.values())
        for name in some
        if name.endswith(_WIDE)
    }
    count = sum(len(part.rows) for part in parts.values())
    tokens = sum(int(part.tensors["num_items_in_batch"]) for part in parts.values())
    blank = -count % multiple

    made: list[dict[str, torch.Tensor]] = []
    for place, part in parts.items():
        tensors = {
            name: _widened(name, tensor, widest, pad)
            for name, tensor in part.tensors.items()
            if tensor.dim()
        }
        mine = int(part.tensors["num_items_in_batch"])
        share = (count + blank) / len(part.rows) if loss in BY_ROW else tokens / mine
        tensors["tool_mask"] = tensors["tool_mask"] * share
        if "pairs" in tensors:
            # Their loss is a mean over rows, whatever that of tokens is.
            tensors["pairs"] = tensors["pairs"] * ((count + blank) / len(part.rows))
        tensors[LEARNER_ROWS] = torch.full((len(part.rows),), place)
        made.append(tensors)

    whole = {name: torch.cat([each[name] for each in made]) for name in made[0]}
    if blank:
        # Copies of the last row without weight: they ask nothing of a learner that has no rows.
        whole = {n: torch.cat([t, t[-1:].expand(blank, *t.shape[1:])]) for n, t in whole.items()}
        for name in {"tool_mask", "pairs"} & whole.keys():
            whole[name][count:] = 0
    whole["num_items_in_batch"] = torch.tensor(tokens)
    rows = [row for part in parts.values() for row in part.rows]
    return Batch(whole, (*rows, *[()] * blank))


def _widened(name: str, tensor: torch.Tensor, widest: Mapping[str, int], pad: int) -> torch.Tensor:
    """Prompts padded on the left, completions on the right; what a row has once stays as it is."""
    if tensor.dim() < 2:
        return tensor
    # The worse rows of pairs have a width of their own.
    side = REJECTED if name.startswith(REJECTED) else ""
    prompt = name.removeprefix(REJECTED).startswith("prompt")
    lack = widest[side + ("prompt_ids" if prompt else "completion_ids")] - tensor.size(1)
    sides = (lack, 0) if prompt else (0, lack)
    return torch.nn.functional.pad(tensor, sides, value=pad if name.endswith("_ids") else 0)
