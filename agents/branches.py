"""Token sequences that share their compute: each distinct one costs one row of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..envs.errors import SparringError
from .kv import growing_cache


class ContextError(SparringError, ValueError):
    """A prompt is longer than the model can read."""


class Branches:
    """A batch of sequences with their key-value cache; `logits` (N, V) are those of the next token.

    Prompts stand left-padded; `extend` continues some branches by a token each, which may copy a
    branch, drop it, or reorder.
    """

    def __init__(self, model: Any, prompts: Sequence[tuple[int, ...]], pad: int) -> None:
        self._model = model
        longest = max(len(prompt) for prompt in prompts)
        ids = torch.tensor([[pad] * (longest - len(p)) + list(p) for p in prompts], device=model.device)
        self._lengths = torch.tensor([len(prompt) for prompt in prompts], device=model.device)
        starts = longest - self._lengths
        self._mask = (torch.arange(longest, device=model.device) >= starts[:, None]).long()
        self._padded = any(len(prompt) != longest for prompt in prompts)
        self._cache: Any = growing_cache(model)
        positions = (torch.arange(longest, device=model.device) - starts[:, None]).clamp_(min=0)
        self.logits = self._forward(ids, positions)

    def extend(self, parents: torch.Tensor, tokens: torch.Tensor) -> None:
        """Branch m becomes branch `parents[m]` continued by `tokens[m]`; both of shape (M,)."""
        rows = len(self._lengths)
        if len(parents) != rows or not torch.equal(parents, torch.arange(rows, device=parents.device)):
            self._cache.reorder_cache(parents)
            self._lengths = self._lengths[parents]
            self._mask = self._mask[parents]
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        self.logits = self._forward(tokens[:, None], self._lengths[:, None])
        self._lengths = self._lengths + 1

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        output = self._model(
            input_ids=ids,
            attention_mask=self._mask if self._padded else None,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]


def batches(prompts: Sequence[tuple[int, ...]], rows: int, tokens: int) -> list[list[tuple[int, ...]]]:
    """Distinct prompts cut into batches of at most `rows` and `tokens` (padding included).

    Sorted by length and content, so that the layout depends on what is asked and not on the order.
    """
    cut: list[list[tuple[int, ...]]] = []
    for prompt in sorted(set(prompts), key=lambda p: (len(p), p)):
        if not cut or len(cut[-1]) >= rows or (len(cut[-1]) + 1) * len(prompt) > tokens:
            cut.append([])
        cut[-1].append(prompt)
    return cut
