"""The run's own checkpoints as policies."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from weakref import ref

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
    the learner plays on; full weights make a model of their own. Whoever still sits in a game stays, since
    all games of a step are seated before any is played.
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
        # those that are held no longer, and a twin of each by which it can be freed
        self._leaving: dict[int, tuple[ref[Transformer | Hosted], Transformer | Hosted]] = {}

    def __call__(self, step: int) -> Policy:
        # The order of the held is that of their last use.
        if step in self._held:
            self._held.move_to_end(step)
            return self._held[step]

        self._sweep()
        still = self._leaving.pop(step)[0]() if step in self._leaving else None
        self._held[step] = still or self._load(step)
        while len(self._held) > self._most:
            at, policy = self._held.popitem(last=False)
            # A model of its own goes with its last reference; an adapter must be taken off the base.
            if isinstance(policy, Hosted) or policy.adapter is not None:
                self._leaving[at] = ref(policy), policy.twin()
        return self._held[step]

    def _sweep(self) -> None:
        """Free those that left and sit in no game any more."""
        for step, (policy, twin) in list(self._leaving.items()):
            if policy() is None:
                del self._leaving[step]
                self._free(twin)

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

        if isinstance(policy, Transformer):
            drop_adapter(policy)
        elif self._host:
            self._host.retire(policy)
