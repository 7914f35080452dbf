"""What a trainer writes of its learners and its optimiser, and takes up again: whole, however many train."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch

from ..agents.models.weights import ADAPTER, seal_base
from .ranks.shards import Shards
from .scoring import Scoring


class Saving(Scoring):
    """A checkpoint of several processes is one of a single process, of shares too."""

    shards: Shards | None = None
    held = ""
    """The precision of a quantised base; empty: it has none."""

    def moved(self) -> None:
        """Give the module that plays the weights after an optimiser step. Collective."""
        if self.shards:
            self.shards.gather()

    def _save(
        self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None
    ) -> None:
        """Write the main learner as TRL does, and the others each to a folder of its name."""
        beside = self.learners if self.learners and len(self.learners) > 1 else None
        if beside and beside.mode == "models":
            state_dict = beside.own_state()
        trained, self.model = self.model, self.whole
        try:
            super()._save(output_dir, state_dict)
        finally:
            self.model = trained
        if beside and output_dir:
            beside.save(Path(output_dir), self.processing_class)
        # an adapter is nothing without its base, which a name alone does not tell
        for adapter in Path(output_dir).rglob(ADAPTER) if output_dir else ():
            seal_base(adapter.parent, self.held)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """Write the optimiser's state as one process has it: any number of processes goes on from it."""
        if self.shards is None:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        own = self.optimizer
        self.optimizer = cast(Any, self.shards.gathered(cast(Any, own)))
        try:
            super()._save_optimizer_and_scheduler(output_dir)
        finally:
            self.optimizer = own

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if self.shards and checkpoint:
            self.shards.take(cast(Any, self.optimizer))

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: torch.nn.Module | None = None
    ) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, self.whole)
        if self.shards:
            self.shards.deal()
        if self.learners and len(self.learners) > 1:
            self.learners.load(Path(resume_from_checkpoint))
            self.learners.enable()
