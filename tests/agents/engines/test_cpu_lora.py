"""Our products of adapters are those of vLLM's own wrapper, and none where a row wears none."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest
import torch

from .conftest import needs_vllm

pytestmark = needs_vllm
RANK, WIDE, OUT = 4, 6, (5, 3)
SLOTS = 3


class Stacks:
    """Matrices of three adapters for a projection in two slices, and a step of nine tokens."""

    def __init__(self) -> None:
        noise = torch.Generator().manual_seed(1)
        self.x = torch.randn(9, WIDE, generator=noise)
        self.y = torch.randn(9, sum(OUT), generator=noise)
        self.a = tuple(torch.randn(SLOTS, 1, RANK, WIDE, generator=noise) for _ in OUT)
        self.b = tuple(torch.randn(SLOTS, 1, out, RANK, generator=noise) for out in OUT)

    def by_hand(self, worn: list[int], scale: float) -> torch.Tensor:
        y = self.y.clone()
        for row, slot in enumerate(worn):
            for out, end, a, b in zip(OUT, accumulate(OUT), self.a, self.b, strict=True):
                if slot >= 0:
                    y[row, end - out : end] += scale * (b[slot, 0] @ a[slot, 0] @ self.x[row])
        return y


def wrapper(kind: Any, worn: list[int], *, prefill: bool) -> Any:
    """A wrapper that is told which slot each token wears; token and sampled row are one here."""
    from vllm.lora.layers import LoRAMapping  # pyright: ignore[reportMissingImports] vLLM's own environment

    made = kind(16, 16, "cpu", max_loras=SLOTS)
    ids = [slot + 1 for slot in worn]  # ids of adapters; 0 is none
    made.update_metadata(LoRAMapping(tuple(ids), tuple(ids), prefill), [1, 2, 3], SLOTS, 32)
    return made


@pytest.mark.parametrize("prefill", [True, False])
@pytest.mark.parametrize(
    "worn", [[0, 1, 2, 0, 0, 2, 1, 1, 0], [1] * 9, [-1] * 9, [2, -1, -1, 0, 0, -1, 2, 2, -1]]
)
def test_each_row_gets_the_product_of_its_adapter(worn: list[int], prefill: bool) -> None:
    from sparring.agents.engines.cpu_lora import Punica

    stacks = Stacks()
    ours = stacks.y.clone()
    made = wrapper(Punica, worn, prefill=prefill)
    made.add_lora_linear(ours, stacks.x, stacks.a, stacks.b, 0.5, OUT)
    assert torch.allclose(ours, stacks.by_hand(worn, 0.5), atol=1e-5)
    logits = stacks.y[:, : OUT[0]].clone()
    made.add_lora_logits(logits, stacks.x, stacks.a[0], stacks.b[0], 0.5)
    assert torch.allclose(logits, stacks.by_hand(worn, 0.5)[:, : OUT[0]], atol=1e-5)


def test_vllms_own_agrees_where_every_row_wears_one() -> None:
    from sparring.agents.engines.cpu_lora import Punica
    from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU  # pyright: ignore[reportMissingImports]

    worn = [0, 1, 2, 0, 0, 2, 1, 1, 0]
    stacks = Stacks()
    results: list[torch.Tensor] = []
    for kind in (Punica, PunicaWrapperCPU):
        y = stacks.y.clone()
        wrapper(kind, worn, prefill=False).add_lora_linear(
            y, stacks.x, stacks.a, stacks.b, 1.0, OUT
        )
        results.append(y)
    assert torch.allclose(results[0], results[1], atol=1e-5)


def test_vllm_on_a_cpu_uses_it_where_an_engine_of_ours_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sparring.agents.engines.process import install
    from vllm.platforms import current_platform  # pyright: ignore[reportMissingImports] as above

    platform: Any = current_platform
    monkeypatch.setattr(type(platform), "get_punica_wrapper", type(platform).get_punica_wrapper)
    monkeypatch.delenv("SPARRING_PUNICA", raising=False)
    before = platform.get_punica_wrapper()
    install()
    assert platform.get_punica_wrapper() == before
    monkeypatch.setenv("SPARRING_PUNICA", "1")
    install()
    assert (
        platform.get_punica_wrapper() == "sparring.agents.engines.cpu_lora.Punica"
    ) == platform.is_cpu()
