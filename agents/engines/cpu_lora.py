"""vLLM's adapters on a CPU, one product an adapter instead of one copy of it a token.

vLLM 0.30 gathers the matrices of every token's adapter before it multiplies: a step of 8,192 tokens copies
0.8 GB for one projection of smollm2-135m, which takes four times as long as the model itself. Here the rows
of a step that have the same adapter are multiplied at once, and rows without one (index −1) are left alone.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from vllm.lora.punica_wrapper.punica_cpu import (  # pyright: ignore[reportMissingImports] an environment of its own
    PunicaWrapperCPU,  # pyright: ignore[reportUnknownVariableType] as above
)

Rows: TypeAlias = list[tuple[int, slice | torch.Tensor]]
"""Adapters by their slot, and the rows of a step that use each."""


class Punica(PunicaWrapperCPU):  # pyright: ignore[reportUntypedBaseClass] as above
    """vLLM's wrapper with other products. It needs an eager engine: Python sorts the rows by adapter."""

    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._tokens: Rows = []
        self._samples: Rows = []

    def update_metadata(self, *given: Any, **settings: Any) -> None:
        super().update_metadata(*given, **settings)
        self._tokens = by_adapter(self.token_lora_indices)
        self._samples = by_adapter(self.sampler_indices)

    def _apply_shrink(
        self, y: torch.Tensor, x: torch.Tensor, w_t_all: torch.Tensor, scale: float
    ) -> None:
        shrink(self._tokens, x, w_t_all, y, scale)

    def _apply_expand(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        w_t_all: torch.Tensor,
        y_offset: int,
        y_slice_size: int,
        add_inputs: bool = True,
    ) -> None:
        out = y[:, y_offset : y_offset + y_slice_size]
        expand(self._tokens, x, w_t_all, out if add_inputs else out.zero_())

    def add_lora_logits(
        self,
        y: torch.Tensor,
        x: torch.Tensor,
        lora_a_stacked: torch.Tensor,
        lora_b_stacked: torch.Tensor,
        scale: float,
        **_: Any,
    ) -> None:
        # logits are made for sampled positions only, which have indices of their own
        small = torch.zeros((len(x), lora_b_stacked.shape[-1]))
        shrink(self._samples, x, lora_a_stacked, small, scale)
        expand(self._samples, small, lora_b_stacked, y)


def by_adapter(slots: torch.Tensor) -> Rows:
    """The rows of each adapter, given the slot of every row (−1: none)."""
    found: list[int] = slots.unique().tolist()
    if len(found) == 1:  # all rows use the same, so none has to be picked out
        return [(found[0], slice(None))] if found[0] >= 0 else []
    return [(slot, (slots == slot).nonzero()[:, 0]) for slot in found if slot >= 0]


def shrink(
    rows: Rows, x: torch.Tensor, weights: torch.Tensor, small: torch.Tensor, scale: float
) -> None:
    """small (T, rank) += scale · x (T, wide) · Aᵀ; `weights` (slots, 1, rank, wide)."""
    for slot, own in rows:
        small[own] += scale * (x[own].to(small.dtype) @ weights[slot, 0].to(small.dtype).T)


def expand(rows: Rows, small: torch.Tensor, weights: torch.Tensor, y: torch.Tensor) -> None:
    """y (T, out) += small (T, rank) · Bᵀ; `weights` (slots, 1, out or less, rank)."""
    out = weights.shape[-2]
    for slot, own in rows:
        y[own, :out] += small[own].to(y.dtype) @ weights[slot, 0].to(y.dtype).T
