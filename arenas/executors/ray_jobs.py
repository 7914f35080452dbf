"""Functions called on a Ray cluster, one job each: a job whose node dies is begun again on another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import ray
from ray.exceptions import RayError, RayTaskError, TaskCancelledError

from .local import RunError
from .ray_cluster import Cluster, last_line

RETRIES: Final = 8
"""How often a job may be begun again because its process or its node died."""


class Jobs:
    """Calls functions on the cluster of an address (see `Cluster`), one core each."""

    def __init__(self, address: str | None = None) -> None:
        self._cluster = Cluster(address)

    def __enter__(self) -> Self:
        self._cluster.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.close()

    @property
    def cores(self) -> int:
        """How many jobs the cluster has room for."""
        return max(1, int(ray.cluster_resources().get("CPU", 1)))

    def begin(self, function: Callable[..., Any], *arguments: Any) -> Job:
        """Call a function, which Ray must be able to pickle, in a process of its own."""
        # A process a job: what a run leaves behind in one would reach into the next.
        remote: Any = ray.remote(num_cpus=1, max_calls=1, max_retries=RETRIES)(function)
        return Job(remote.remote(*arguments))


class Job:
    """A function that was called."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def over(self) -> bool:
        """Whether it has ended; does not wait."""
        return bool(ray.wait([self._reference], timeout=0)[0])

    def result(self) -> Any:
        """What the function returned; None when it was cancelled. Raises RunError for any fault."""
        try:
            return ray.get(self._reference)
        except TaskCancelledError:
            return None
        except RayTaskError as fault:
            raise RunError(f"a job failed: {last_line(fault)}") from fault
        except RayError as fault:
            raise RunError(f"a job's processes keep dying: {last_line(fault)}") from fault

    def cancel(self, *, at_once: bool = False) -> None:
        """Interrupt it as Ctrl-C would; or end its process."""
        ray.cancel(self._reference, force=at_once)
