"""The run's own checkpoints as policies."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from ...agents.engines.hosts import Host
from ...agents.engines.policy import Hosted
from ...agents.language.transformer import Transformer
from ...agents.models.weights import ADAPTER
from ...agents.policy import Policy
from ...agents.run_folder import step_name
from ...envs.registry import Game
from .. import checkpoints


class Loaded:
    """Checkpoints as policies under the learner's sampling, the `most` last used kept in memory.

    An adapter is loaded beside the learner's onto the model they share, or onto the engine (`host`) that
    the learner plays on; full weights make a model of their own.
    """

    def __init__(
        self, folder: Path, game: Game, learner: Transformer, most: int, host: Host | None = None
    ) -> None:
        self._host = host
        self._folder = folder
        self._game = game
        self._learner = learner
        self._most = most
        self._held: OrderedDict[int, Transformer | Hosted] = OrderedDict()

    def __call__(self, step: int) -> Policy:
        # The order of the held is that of their last use.
        if step in self._held:
            self._held.move_to_end(step)
        else:
            self._held[step] = self._load(step)
            while len(self._held) > self._most:
                self._free(self._held.popitem(last=False)[1])
        return self._held[step]

    def _load(self, step: int) -> Transformer | Hosted:
        from ...agents.models.load import load_model
        from ...agents.models.lora import with_adapter

        place, name = checkpoints.at(self._folder, step), step_name(step)
        adapted = (place / ADAPTER).exists()
        if adapted and self._host:
            return self._host.adopt(place, f"{place.parents[1].name}@{step}").twin(
                name=name, sampling=self._learner.sampling
            )
        if adapted:
            return with_adapter(self._learner, place, name)
        learner = self._learner
        device = str(learner.model.device)
        policy = load_model(
            str(place),
            self._game,
            sampling=learner.sampling,
            thinking=learner.dialect.thinking,
            device=device,
        )
        policy.publish(policy.weights, name=name)
        return policy

    def _free(self, policy: Transformer | Hosted) -> None:
        from ...agents.models.lora import drop_adapter

        # A model of its own goes with its last reference; an adapter must be taken off the base.
        if isinstance(policy, Hosted):
            if self._host:
                self._host.retire(policy)
        elif policy.adapter is not None:
            drop_adapter(policy)
