"""A batch in parts of few tokens each, whose losses add up to the loss of the whole.

Rows are sorted by length, so that parts have little padding, and lose the columns that are padding in all of
their rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from .batch import REJECTED

BY_TOTAL = ("dapo", "cispo", "vespo")
"""Losses that TRL divides by the tokens of the whole batch, of all processes, which a part knows."""


class Part(NamedTuple):
    """Some rows of a batch.

    weight: what their loss counts in that of the whole batch. `rows` and `tokens` are their shares of the
    batch's rows and of the tokens that are trained, both of 1.
    """

    tensors: dict[str, torch.Tensor]
    weight: float
    rows: float
    tokens: float


def parted(tensors: Mapping[str, torch.Tensor], most: int, *, loss: str) -> list[Part]:
    """The batch in parts of at most `most` tokens, padding included; a row that has more is one part.

    `loss` is TRL's name of what the parts' losses are averaged by.
    """
    widths = [
        _sizes(tensors, prefix) for prefix in ("", REJECTED) if f"{prefix}prompt_ids" in tensors
    ]
    parts = _chunks(widths, most)
    count = len(tensors["prompt_ids"])
    trained = (tensors["tool_mask"] * tensors["completion_mask"]).sum(1)
    total = float(trained.sum())

    found: list[Part] = []
    for some in parts:
        index = torch.tensor(some, device=trained.device)
        own = {name: x[index] if x.dim() else x for name, x in tensors.items()}
        rows = len(some) / count
        tokens = float(trained[index].sum()) / total if total else rows
        weight = 1.0 if loss in BY_TOTAL else tokens if loss == "bnpo" else rows
        found.append(Part(trimmed(own), weight, rows, tokens))
    return found


def merge(
    metrics: Mapping[str, list[float]], noted: Mapping[str, int], weights: Sequence[float]
) -> None:
    """Make one number of what each part noted; `noted` counts what stood there before, by name."""
    for name, values in metrics.items():
        start = noted.get(name, 0)
        own = values[start:]
        # what not every part had cannot be weighed
        if len(own) != len(weights) or not sum(weights):
            continue
        pick = min if name.endswith("_min") else max if name.endswith("_max") else None
        mean = sum(w * x for w, x in zip(weights, own, strict=True)) / sum(weights)
        values[start:] = [pick(own) if pick else mean]


def trimmed(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the columns that are padding in all rows: prompts are padded left, completions right."""
    found = dict(tensors)
    for prefix in ("", REJECTED):
        if f"{prefix}prompt_mask" not in tensors:
            continue
        seen, said = tensors[f"{prefix}prompt_mask"], tensors[f"{prefix}completion_mask"]
        left = int((seen.any(0)).int().argmax())
        right = max(1, int(said.any(0).sum()))
        for name, tensor in tensors.items():
            if tensor.dim() != 2 or name.startswith(REJECTED) != bool(prefix):
                continue
            if name.removeprefix(REJECTED).startswith("prompt_"):
                found[name] = tensor[:, left:]
            else:
                found[name] = tensor[:, :right]
    return found


def _sizes(tensors: Mapping[str, torch.Tensor], prefix: str) -> list[tuple[int, int]]:
    """Of each row, the tokens of its prompt and of its completion."""
    masks = [
        tensors[f"{prefix}{name}_mask"].sum(1).int().tolist() for name in ("prompt", "completion")
    ]
    return list(zip(*masks, strict=True))


def _chunks(widths: Sequence[Sequence[tuple[int, int]]], most: int) -> list[list[int]]:
    """The rows in chunks of at most `most` tokens; `widths` are those of each row, and of its worse row."""
    order = sorted(range(len(widths[0])), key=lambda row: [sum(kind[row]) for kind in widths])
    chunks: list[list[int]] = []
    wide: list[tuple[int, int]] = []
    for row in order:
        grown = [
            (max(a, c), max(b, d))
            for (a, b), (c, d) in zip(
                wide or [(0, 0)] * len(widths), [k[row] for k in widths], strict=True
            )
        ]
        # the widest prompt and the widest completion of a chunk need not be one row's
        if chunks and (len(chunks[-1]) + 1) * max(map(sum, grown)) <= most:
            chunks[-1].append(row)
            wide = grown
        else:
            chunks.append([row])
            wide = [kind[row] for kind in widths]
    return chunks
