"""Averages of a model's weights: the magnet it is pulled to, and the running average that is evaluated."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from .config import ConfigError


class Average:
    """An average over the trained parameters of a model; `decay` and moves say how it follows.

    With LoRA the trained parameters are the adapter's, so the average is one of adapters over the
    shared base. Kept in the parameters' own precision, on their device.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._names = [name for name, p in model.named_parameters() if p.requires_grad]
        self._learner = [p for p in model.parameters() if p.requires_grad]
        self._values = [p.detach().clone() for p in self._learner]

    @torch.no_grad()
    def move(self, share: float) -> None:
        """Go the share of the way to the learner's present weights (1: copy them)."""
        for value, parameter in zip(self._values, self._learner, strict=True):
            value.lerp_(parameter, share)

    @contextmanager
    def worn(self) -> Generator[None]:
        """The model computes with the average inside, with its own weights again afterwards."""
        # Data is exchanged, not copied: the optimiser keeps its parameters.
        own = [p.data for p in self._learner]
        for parameter, value in zip(self._learner, self._values, strict=True):
            parameter.data = value
        try:
            yield
        finally:
            for parameter, data in zip(self._learner, own, strict=True):
                parameter.data = data

    def state(self) -> dict[str, torch.Tensor]:
        return dict(zip(self._names, self._values, strict=True))

    def save(self, file: Path) -> None:
        """Write the average as safetensors."""
        # safetensors refuses tensors that are not contiguous
        save_file({name: value.contiguous() for name, value in self.state().items()}, file)

    def load(self, file: Path) -> None:
        """Take what `save` wrote, where it wrote any. Raises what `restore` raises."""
        if file.exists():
            self.restore(load_file(file))

    def restore(self, state: Mapping[str, Any]) -> None:
        """Raises ConfigError when the state is of another model."""
        shapes = {name: tuple(value.shape) for name, value in self.state().items()}
        if {name: tuple(value.shape) for name, value in state.items()} != shapes:
            raise ConfigError(
                "the saved average of weights is of another model; resume with the run's own"
            )
        for name, value in zip(self._names, self._values, strict=True):
            # In place, so that device and precision stay the model's.
            value.copy_(state[name])
