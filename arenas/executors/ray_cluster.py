"""The Ray cluster that executors and fleets work on: joined where one is named, else started here."""

from __future__ import annotations

import logging
import os

import ray
from ray.exceptions import RayActorError, RayError

from ...envs.errors import SparringError

_HINT = "; is it up, and has this process its token (RAY_AUTH_MODE=token, RAY_AUTH_TOKEN=…)?"
"""Ray does not say that it was turned away."""


class ClusterError(SparringError, RuntimeError):
    """No cluster can be joined or started."""


class Cluster:
    """A cluster by its address; None is that of $RAY_ADDRESS, or one started here, which `close` ends.

    A cluster that merely runs on this machine is not joined: it may belong to another user, with other code.
    """

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._started = False

    def start(self) -> None:
        """Join or start it, unless this process has one. Raises ClusterError."""
        if ray.is_initialized():
            return

        address = self._address or os.environ.get("RAY_ADDRESS") or "local"
        try:
            # its faults are raised; its other messages say nothing about games
            ray.init(
                address=address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except Exception as fault:  # Ray raises plain ones: no such cluster, or a machine too busy
            hint = "" if address == "local" else _HINT
            raise ClusterError(f"Ray did not start: {last_line(fault)}{hint}") from fault
        self._started = True

    def cores(self) -> int:
        """How many actors of one core each it has room for; starts or joins it."""
        self.start()
        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def close(self) -> None:
        """End what was started here; safe to call twice."""
        if self._started:
            ray.shutdown()
            self._started = False


def failed_to_start(fault: RayError) -> bool:
    """Whether the actor failed while it was created; a new one would fail the same way."""
    return isinstance(fault, RayActorError) and fault.actor_init_failed


def last_line(fault: Exception) -> str:
    """What a fault of Ray says, without the traceback of the actor."""
    return str(fault).strip().splitlines()[-1]
