"""Samples become padded tensors: tokens as they were sampled, never encoded again.

Axes: B rows, P prompt tokens (padded left), T completion tokens (padded right).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ..config import BY_ROW, BY_TOKEN
from .advantage import Centre, NonFiniteError
from .samples import Sample


@dataclass(frozen=True)
class Batch:
    """Tensors as TRL's loss wants them, and which samples each row stands for."""

    tensors: Mapping[str, torch.Tensor]
    rows: tuple[tuple[Sample, ...], ...]

    def names(self, row: int) -> str:
        """The samples of a row, for people."""
        names = [sample.name for sample in self.rows[row]]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass(slots=True)
class _Row:
    """One row: a sample, and the sum of the advantages of all samples of equal tokens."""

    samples: list[Sample]
    totals: list[float]


def advantages(sample: Sample, centre: Centre) -> tuple[float, ...]:
    """One advantage per turn of the sample. Raises NonFiniteError, naming it, when one is not finite."""
    found = tuple([centre.advantage(span.earned) for span in sample.spans])
    if not math.isfinite(sum(found)):
        raise NonFiniteError(f"the advantage of {sample.name} is {found}")
    return found


def pack(
    samples: Sequence[Sample],
    credited: Sequence[Sequence[float]],
    *,
    loss: str,
    pad: int,
    fold: bool = False,
    multiple: int = 1,
    device: torch.device | str = "cpu",
) -> Batch:
    """Pad samples into one batch; `credited` holds each sample's advantages, one per turn.

    `fold` makes one row of samples of equal tokens, with their mean advantage and their number as its
    weight. For losses that are linear in the advantage where the policy is the one that sampled, that
    is the same loss and gradient at a fraction of the work; for other losses it is not done. `multiple`
    adds masked rows until their number divides by it, and scales weights so that these do not dilute.
    Raises ValueError when there is nothing to pack.
    """
    if not samples:
        raise ValueError("no samples to train on")
    fold = fold and loss in BY_ROW + BY_TOKEN
    rows = _rows(samples, credited, fold)
    blank = -len(rows) % multiple
    weights = [float(len(row.samples)) for row in rows]
    if loss in BY_ROW:
        scale = (len(rows) + blank) / len(samples)
        weights = [weight * scale for weight in weights]
    tensors = _tensors(rows, weights, blank, pad)
    items = sum(span.stop - span.start for sample in samples for span in sample.spans)
    tensors["num_items_in_batch"] = torch.tensor(items)
    return Batch(
        {name: tensor.to(device) for name, tensor in tensors.items()},
        tuple([tuple(row.samples) for row in rows] + [()] * blank),
    )


def _rows(samples: Sequence[Sample], credited: Sequence[Sequence[float]], fold: bool) -> list[_Row]:
    found: dict[object, _Row] = {}
    for index, (sample, amounts) in enumerate(zip(samples, credited, strict=True)):
        key = (sample.tokens, tuple([span[1:3] for span in sample.spans])) if fold else index
        row = found.get(key)
        if row is None:
            found[key] = _Row([sample], list(amounts))
        else:
            row.samples.append(sample)
            for i, amount in enumerate(amounts):
                row.totals[i] += amount
    return list(found.values())


def _tensors(
    rows: Sequence[_Row], weights: Sequence[float], blank: int, pad: int
) -> dict[str, torch.Tensor]:
    heads = [row.samples[0].spans[0].start for row in rows]
    tails = [len(row.samples[0].tokens) for row in rows]
    widest = max(heads)
    longest = max(tail - head for head, tail in zip(heads, tails, strict=True))
    prompts: list[list[int]] = []
    prompt_masks: list[list[int]] = []
    replies: list[list[int]] = []
    reply_masks: list[list[int]] = []
    sampled: list[list[float]] = []
    amounts: list[list[float]] = []
    logprobs: list[list[float]] = []
    for row, weight, head in zip(rows, weights, heads, strict=True):
        sample = row.samples[0]
        tokens = list(sample.tokens)
        size = len(tokens) - head
        left, right = widest - head, longest - size
        prompts.append([pad] * left + tokens[:head])
        prompt_masks.append([0] * left + [1] * head)
        replies.append(tokens[head:] + [pad] * right)
        reply_masks.append([1] * size + [0] * right)
        logprobs.append(list(sample.logprobs[head:]) + [0.0] * right)
        weighed, credited = [0.0] * longest, [0.0] * longest
        for span, total in zip(sample.spans, row.totals, strict=True):
            size = span.stop - span.start
            weighed[span.start - head : span.stop - head] = [weight] * size
            credited[span.start - head : span.stop - head] = [total / len(row.samples)] * size
        sampled.append(weighed)
        amounts.append(credited)
    for _ in range(
        blank
    ):  # one token that the model may look at, so that no row attends to nothing
        prompts.append([pad] * widest)
        prompt_masks.append([0] * (widest - 1) + [1])
        replies.append([pad] * longest)
        reply_masks.append([0] * longest)
        for made in (sampled, amounts, logprobs):
            made.append([0.0] * longest)
    return {
        "prompt_ids": torch.tensor(prompts),
        "prompt_mask": torch.tensor(prompt_masks),
        "completion_ids": torch.tensor(replies),
        "completion_mask": torch.tensor(reply_masks),
        "tool_mask": torch.tensor(sampled),
        "advantages": torch.tensor(amounts),
        "old_per_token_logps": torch.tensor(logprobs),
    }
