"""The learner plays on an engine of its own (vLLM): its weights go there before every step, as files."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..agents.hosted import Hosted
from ..agents.hosts import Host, open_host
from ..agents.models import quiet
from ..agents.policy import Answer, Request
from ..agents.transformer import Transformer
from ..envs.registry import Game
from .config import Config


class OnEngine:
    """Plays with what `sync` sent last: an adapter under a name of its own, or all weights.

    Each step's adapter has a new name, since the engine caches prefixes by name; the one before it is
    retired once it is there. The adapter's files are kept for as long as it may be asked for: a server that
    was restarted is given them again. A model that is trained whole is sent whole.
    """

    streams = True

    def __init__(self, host: Host, learner: Transformer) -> None:
        self._host = host
        self._run = uuid.uuid4().hex[:8]
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._policy = host.base.with_sampling(learner.sampling)
        self.ref = learner.ref

    @property
    def host(self) -> Host:
        return self._host

    async def act(self, requests: Sequence[Request]) -> Sequence[Answer]:
        return await self._policy.act(requests)

    def sync(self, learner: Transformer) -> None:
        """Play with the learner's present weights from now on. No game of the learner may be running."""
        model: Any = learner.model
        files = tempfile.TemporaryDirectory(prefix="sparring-")
        with quiet():
            if hasattr(model, "peft_config"):
                model.save_pretrained(files.name, selected_adapters=[model.active_adapter])
            else:
                model.save_pretrained(files.name)
        before = self._policy
        self._policy = self._taken(Path(files.name), learner).with_sampling(learner.sampling)
        if before.adapter != self._host.base.adapter:
            self._host.retire(before)
        if self._files:
            self._files.cleanup()
        self._files = files
        self.ref = learner.ref

    def _taken(self, folder: Path, learner: Transformer) -> Hosted:
        if (folder / "adapter_config.json").exists():
            name = f"{learner.ref.name}-{self._run}-{learner.weights.replace(' ', '-')}"
            return self._host.adopt(folder, name, weights=learner.weights)
        return self._host.replace(folder, name=learner.ref.name, weights=learner.weights)

    def close(self) -> None:
        if self._files:
            self._files.cleanup()


def chosen(engine: str) -> bool:
    """Whether the named engine is another than the trained model itself. `auto` takes vLLM on a GPU."""
    from ..agents.engines import auto

    return (auto() if engine == "auto" else engine) != "transformers"


@contextmanager
def on_engine(config: Config, game: Game, learner: Transformer) -> Generator[OnEngine]:
    """The engine that the settings name, with the run's base model, closed at the end.

    Raises HostError for an engine that is not there.
    """
    from ..agents.engines import auto

    rank = config.update.lora
    engine = auto() if config.rollout.engine == "auto" else config.rollout.engine
    with open_host(
        engine,
        config.model,
        game,
        seed=config.seed,
        adapters=(config.opponents.held + 2) if rank else 0,
        rank=next((size for size in (8, 16, 32, 64, 128, 256) if size >= rank), rank),
    ) as host:
        player = OnEngine(host, learner)
        try:
            yield player
        finally:
            player.close()
