"""The learner plays on an engine of its own (vLLM): its weights go there before every step, as files."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from ...agents.engines.follower import Following
from ...agents.engines.hosts import Host, open_host
from ...agents.language.transformer import Transformer
from ...agents.models.weights import quiet
from ...agents.policy import Renamed
from ...envs.registry import Game
from ..config import Config


class OnEngine(Renamed):
    """Plays, under the learner's name, with what `sync` sent last: an adapter, or all weights."""

    def __init__(self, host: Host, learner: Transformer) -> None:
        self._there = Following(host, learner.sampling)
        self.host = host
        super().__init__(self._there, learner.ref)

    def sync(self, learner: Transformer) -> None:
        """Play with the learner's present weights from now on. No game of the learner may be running."""
        self._there.take(saved(learner), learner.weights)
        self._ref = learner.ref

    def close(self) -> None:
        self._there.close()


def saved(learner: Transformer) -> tempfile.TemporaryDirectory[str]:
    """The learner's adapter as files, or all its weights where it has none."""
    model: Any = learner.model
    files = tempfile.TemporaryDirectory(prefix="sparring-")
    with quiet():
        if hasattr(model, "peft_config"):
            model.save_pretrained(files.name, selected_adapters=[model.active_adapter])
        else:
            model.save_pretrained(files.name)
    return files


def opened(config: Config, game: Game) -> Host:
    """The engine that the settings name, with the run's base model. Raises HostError."""
    rank = config.update.lora
    return open_host(
        config.rollout.engine,
        config.model,
        game,
        seed=config.seed,
        adapters=(config.opponents.held + 2) if rank else 0,
        rank=next((size for size in (8, 16, 32, 64, 128, 256) if size >= rank), rank),
    )


@contextmanager
def on_engine(config: Config, game: Game, learner: Transformer) -> Generator[OnEngine]:
    """The learner on the settings' engine, closed at the end. Raises HostError."""
    with opened(config, game) as host:
        player = OnEngine(host, learner)
        try:
            yield player
        finally:
            player.close()
