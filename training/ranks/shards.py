"""A module whose weights, gradients and optimiser's state lie in shares on several processes (FSDP).

The module that plays stays whole on each process. Beside it the trainer holds a copy that torch's
`fully_shard` cuts: a layer's weights are put together for as long as it computes, and its gradient is
averaged into the shares (Zhao et al. 2023, 2304.11277). All must make the same passes through it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import Module
from torch.optim import Optimizer

from .ranks import talking


@dataclass(frozen=True)
class Held:
    """Stands for an optimiser whose state is to be saved."""

    state: Mapping[str, Any]

    def state_dict(self) -> Mapping[str, Any]:
        return self.state


class Shards:
    """A copy of the module `whole`, cut into shares. All methods are collective: each process must call them.

    `module` is the copy, with its class's own forward pass. It is cut at the layers that transformers keep in
    one piece, and begins with the weights of `whole`.
    """

    def __init__(self, whole: Module) -> None:
        self.whole = whole
        # Copied before it is cut: `whole` goes on as it is.
        self.module: Module = copy.deepcopy(whole)
        # A forward pass that was put in place of the class's own is that of `whole`.
        self.module.__dict__.pop("forward", None)
        device = next(whole.parameters()).device.type
        mesh = init_device_mesh(device, (dist.get_world_size(),))

        layers = _layers(self.module)
        for part in (*layers, self.module):
            fully_shard(part, mesh=mesh)
            if device == "cpu":
                # gloo adds up, and knows no mean.
                cast(FSDPModule, part).set_force_sum_reduction_for_comms(True)

    @torch.no_grad()
    def gather(self) -> None:
        """Give the whole module the weights of the shares."""
        with talking():
            for whole, share in self._pairs():
                whole.copy_(share.full_tensor())

    @torch.no_grad()
    def deal(self) -> None:
        """Give the shares the weights of the whole module."""
        for whole, share in self._pairs():
            share.to_local().copy_(_like(whole, share).to_local())

    def gathered(self, optimizer: Optimizer) -> Held:
        """What an optimiser of the shares remembers, as one of the whole module would, on the CPU."""
        state = optimizer.state_dict()
        with talking():
            found = {
                place: {name: whole(value).cpu() for name, value in each.items()}
                for place, each in state["state"].items()
            }
        return Held({**state, "state": found})

    def take(self, optimizer: Optimizer) -> None:
        """Cut the state that an optimiser of the shares was given whole."""
        for share, state in optimizer.state.items():
            for name, value in state.items():
                # What has the shape of the weights is cut as they are; a count of steps is no share.
                if isinstance(value, torch.Tensor) and value.shape == share.shape:
                    state[name] = _like(value, cast(DTensor, share))

    def _pairs(self) -> list[tuple[torch.Tensor, DTensor]]:
        shares = [cast(DTensor, each) for each in self.module.parameters()]
        return list(zip(self.whole.parameters(), shares, strict=True))


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor without shares: of one in shares it is put together from all processes."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _like(value: torch.Tensor, share: DTensor) -> DTensor:
    """A tensor that all processes have, cut as `share` is."""
    # No source: each takes its share of its own.
    return distribute_tensor(
        value.to(share.device), share.device_mesh, share.placements, src_data_rank=None
    )


def _layers(module: Module) -> list[Module]:
    """The layers that are put together one at a time."""
    names: Any = getattr(module, "_no_split_modules", None) or ()
    return [each for each in module.modules() if type(each).__name__ in names]
