"""Steps that play and train on nothing: a phase that gathers tasks and samples for the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .config import Config
from .players.sharing import Learners
from .trainer import SelfPlayTrainer


class Collecting(SelfPlayTrainer):
    """Calls `collect(step)` at every step; the weights stay as they are, to the bit."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        config: Config,
        collect: Callable[[int], None],
        *,
        folder: Path,
        learners: Learners | None = None,
    ) -> None:
        super().__init__(model, tokenizer, config, _nothing, folder=folder, learners=learners)
        self._collect = collect

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """A step without a gradient, so that the optimiser finds nothing to change."""
        self._collect(self.state.global_step)
        return torch.zeros((), device=self.args.device)


def _nothing(step: int) -> Any:
    raise AssertionError(f"step {step} packs nothing")
