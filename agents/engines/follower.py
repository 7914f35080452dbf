"""A policy on an engine that acts with the weights it was given last."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from ..models.weights import ADAPTER
from ..policy import Sampling, Wrapper
from .hosts import Host
from .policy import Hosted


class Following(Wrapper):
    """Acts on a host with what `take` was given last: an adapter under a name of its own, or all weights.

    Each adapter has a new name, since the engine caches prefixes by name. The adapter before it is retired
    once the new one is loaded. The files stay while the adapter is in use: a restarted server needs them.
    """

    def __init__(self, host: Host, sampling: Sampling) -> None:
        self.host = host
        self._sampling = sampling
        # a server may still hold adapters of another run, and caches prefixes by name
        self._run = uuid.uuid4().hex[:8]
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self._policy = host.base.with_sampling(sampling)
        super().__init__(self._policy)

    def take(self, files: tempfile.TemporaryDirectory[str], weights: str) -> None:
        """Act with the adapter or model in this folder, which is ours from now on; `weights` names them.

        No game may be running that it plays in.
        """
        before = self._policy
        self._policy = self._taken(Path(files.name), weights).with_sampling(self._sampling)
        self._inner = self._policy

        # the first policy is the base, whose adapter (of zeros, or none) stays
        if before.adapter != self.host.base.adapter:
            self.host.retire(before)
        # only now: until here the files of the one before could still be asked for
        self.close()
        self._files = files

    def load(self, state: Mapping[str, bytes], weights: str) -> None:
        """`take`, of the contents of such a folder by their names."""
        files = tempfile.TemporaryDirectory(prefix="sparring-")
        for name, content in state.items():
            (Path(files.name) / name).write_bytes(content)
        self.take(files, weights)

    def close(self) -> None:
        if self._files:
            self._files.cleanup()

    def _taken(self, folder: Path, weights: str) -> Hosted:
        if (folder / ADAPTER).exists():
            name = f"learner-{self._run}-{weights.replace(' ', '-')}"
            return self.host.adopt(folder, name, weights=weights)
        return self.host.replace(folder, name="learner", weights=weights)
