"""How the weights that are trained reach the policy that plays: in place, as an adapter, or whole."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

from ..agents.hosted import Hosted
from ..agents.hosts import Host
from ..agents.policy import Policy, Sampling
from ..agents.transformer import Transformer

LEARNER = "learner"


class Publisher(Protocol):
    """Makes the learner's present weights act. `seconds` is how long the last time took."""

    seconds: float

    def publish(self, step: int) -> Policy:
        """The learner as it is before this step, a policy named LEARNER. No game of it may be running."""
        ...


class InPlace:
    """The model that is trained plays itself: there is nothing to send."""

    seconds = 0.0

    def __init__(self, policy: Transformer) -> None:
        self._policy = policy

    def publish(self, step: int) -> Policy:
        self._policy.publish(f"step {step}", name=LEARNER)
        return self._policy


class Sent:
    """The learner plays on an engine: every step its adapter goes there as a file, under a new name.

    The adapter before it is retired. A model that is trained without adapters is sent whole.
    """

    def __init__(self, model: Any, host: Host, sampling: Sampling) -> None:
        self._model = model
        self._host = host
        self._sampling = sampling
        self._last: Hosted | None = None
        self._run = Path(tempfile.mkdtemp()).name
        Path(tempfile.gettempdir(), self._run).rmdir()
        self.seconds = 0.0

    def publish(self, step: int) -> Policy:
        began = time.perf_counter()
        folder = Path(tempfile.mkdtemp(prefix="sparring-"))
        try:
            self._model.save_pretrained(folder)
            policy = self._adapter(folder, step) if hasattr(self._model, "peft_config") else None
            policy = policy or self._host.replace(folder, name=LEARNER, weights=f"step {step}")
        finally:
            shutil.rmtree(folder)
        self.seconds = time.perf_counter() - began
        return policy.twin(name=LEARNER, sampling=self._sampling)

    def _adapter(self, folder: Path, step: int) -> Hosted:
        last, self._last = self._last, None
        if last:
            self._host.retire(last)
        self._last = self._host.adopt(folder, f"{self._run}-{step}", weights=f"step {step}")
        return self._last
