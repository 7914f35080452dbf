"""Samples become padded tensors: tokens as they were sampled, never encoded again.

Axes: B rows, P prompt tokens (padded left), T completion tokens (padded right).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..config import BY_ROW, BY_TOKEN
from .advantage import Credited
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
    """One row: samples of equal tokens, and for each turn the sum of their advantages."""

    samples: list[Sample]
    totals: list[float]


def pack(
    credited: Sequence[Credited],
    *,
    loss: str,
    pad: int,
    fold: bool = False,
    multiple: int = 1,
    device: torch.device | str = "cpu",
) -> Batch:
    """Pad samples into one batch.

    `fold` makes one row of samples of equal tokens, with their mean advantage and their number as its
    weight. For losses that are linear in the advantage where the policy is the one that sampled, that
    is the same loss and gradient at a fraction of the work; for other losses it is not done. `multiple`
    adds masked rows until their number divides by it, and scales weights so that these do not dilute.
    Raises ValueError when there is nothing to pack.
    """
    if not credited:
        raise ValueError("no samples to train on")
    rows = _rows(credited, fold=fold and loss in BY_ROW + BY_TOKEN)
    blank = -len(rows) % multiple

    # Losses by row divide by the number of rows that TRL sees: undo what folding and padding change of it.
    weights = [float(len(row.samples)) for row in rows]
    if loss in BY_ROW:
        scale = (len(rows) + blank) / len(credited)
        weights = [weight * scale for weight in weights]

    tensors = _tensors(rows, weights, blank, pad)
    spans = [span for each in credited for span in each.sample.spans]
    # Folded samples count each: losses by token divide by what was sampled.
    tensors["num_items_in_batch"] = torch.tensor(sum(span.trained for span in spans))
    return Batch(
        {name: tensor.to(device) for name, tensor in tensors.items()},
        tuple([tuple(row.samples) for row in rows] + [()] * blank),
    )


def _rows(credited: Sequence[Credited], *, fold: bool) -> list[_Row]:
    found: dict[object, _Row] = {}
    for index, (sample, _, amounts) in enumerate(credited):
        # Equal tokens with turns at other places are trained on other tokens.
        key = (
            (sample.tokens, tuple([(*span[1:3], span.given) for span in sample.spans]))
            if fold
            else index
        )
        row = found.get(key)
        if row is None:
            found[key] = _Row([sample], list(amounts))
            continue

        row.samples.append(sample)
        for turn, amount in enumerate(amounts):
            # Sums are enough: folded losses are linear in the advantage.
            row.totals[turn] += amount
    return list(found.values())


def _tensors(
    rows: Sequence[_Row], weights: Sequence[float], blank: int, pad: int
) -> dict[str, torch.Tensor]:
    """What TRL's loss wants of the rows, and of `blank` rows that are masked."""
    # The prompt ends at the first turn; later prompts lie within the completion.
    heads = [row.samples[0].spans[0].start for row in rows]
    tails = [len(row.samples[0].tokens) for row in rows]
    widest, longest = max(heads), max(b - a for a, b in zip(heads, tails, strict=True))
    made = [
        _padded(row, weight, head, widest, longest, pad)
        for row, weight, head in zip(rows, weights, heads, strict=True)
    ]

    # A blank row has one token that the model may look at, so that no row attends to nothing.
    blanks: dict[str, list[Any]] = {
        "prompt_ids": [pad] * widest,
        "prompt_mask": [0] * (widest - 1) + [1],
        "completion_ids": [pad] * longest,
        "completion_mask": [0] * longest,
        "tool_mask": [0.0] * longest,
        "advantages": [0.0] * longest,
        "old_per_token_logps": [0.0] * longest,
    }
    return {
        name: torch.tensor([row[name] for row in made] + [values] * blank)
        for name, values in blanks.items()
    }


def _padded(
    row: _Row, weight: float, head: int, widest: int, longest: int, pad: int
) -> dict[str, list[Any]]:
    """One row: `head` tokens of prompt padded left to `widest`, the rest padded right to `longest`."""
    sample = row.samples[0]
    tokens = list(sample.tokens)
    size = len(tokens) - head
    left, right = widest - head, longest - size

    weights, amounts = [0.0] * longest, [0.0] * longest
    for span, total in zip(sample.spans, row.totals, strict=True):
        inside, count = slice(span.start - head, span.stop - head), span.stop - span.start
        weights[inside] = [weight] * count
        amounts[inside] = [total / len(row.samples)] * count
        if span.given[1]:
            # what closed the thought was not sampled
            ours = slice(span.given[0] - head, span.given[1] - head)
            weights[ours] = [0.0] * (span.given[1] - span.given[0])

    # The model reads the whole completion; `tool_mask` limits the loss to the turns.
    return {
        "prompt_ids": [pad] * left + tokens[:head],
        "prompt_mask": [0] * left + [1] * head,
        "completion_ids": tokens[head:] + [pad] * right,
        "completion_mask": [1] * size + [0] * right,
        "tool_mask": weights,
        "advantages": amounts,
        "old_per_token_logps": list(sample.logprobs[head:]) + [0.0] * right,
    }
