"""Several processes that train one learner: what they say to each other.

Each plays its share of a step's games; all have all episodes before anything is estimated, so baselines,
filters, stock and shares are the same in each, and each learns from its share of the rows. The gradient is
averaged here and not by DistributedDataParallel, whose hooks see only what its own forward pass computes:
rows of several learners, and beginnings that are computed once, go past it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch.nn import Parameter

from ...envs.errors import SparringError
from ..pickled import packed

T = TypeVar("T")
R = TypeVar("R")
_HOURS = 6
"""How long a process waits for the others: the first one evaluates and holds exams alone."""


class RankError(SparringError, RuntimeError):
    """Another of the processes that train together is gone."""


class Ranks:
    """This process among those that train one learner. All calls are collective: each must make them.

    rank:    this one's number, from 0
    count:   how many they are
    sharded: whether the trained weights lie in shares on them (`shards.py`)
    """

    def __init__(self, *, sharded: bool = False) -> None:
        self.sharded = sharded
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        # Beside the accelerators' own group: values of ours are no tensors.
        self._group: Any = dist.new_group(backend="gloo", timeout=timedelta(hours=_HOURS))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    def shared(self, items: Sequence[T], work: Callable[[Sequence[T]], Sequence[R]]) -> list[R]:
        """`work` done on this process's share of the items: the results of all, in the items' order."""
        own = work(items[self.rank :: self.count])
        found: list[Any] = [None] * len(items)
        for rank, results in enumerate(self.gathered(own)):
            found[rank :: self.count] = results
        return cast("list[R]", found)

    def gathered(self, value: T) -> list[T]:
        """The value of each process, in their order."""
        found: list[Any] = [None] * self.count
        with talking():
            dist.all_gather_object(found, packed(value), group=self._group)
        return [pickle.loads(each) for each in found]

    def agreed(self, value: T) -> T:
        """The first process's value."""
        found: list[Any] = [packed(value) if self.first else None]
        with talking():
            dist.broadcast_object_list(found, 0, group=self._group)
        return pickle.loads(found[0])

    def any(self, flag: bool) -> bool:
        """Whether it is true of any process."""
        return any(self.gathered(flag))

    def wait(self) -> None:
        """Go on when all are here."""
        with talking():
            dist.barrier(group=self._group)

    def average(self, parameters: Iterable[Parameter]) -> None:
        """Average the gradients over all processes; one that has none for a parameter counts as 0.

        What got a gradient nowhere has none afterwards: a learner without samples keeps its bytes.
        """
        trained = [p for p in parameters if p.requires_grad]
        if not trained:
            return
        with talking():
            device = trained[0].device
            there = torch.tensor([p.grad is not None for p in trained], device=device).float()
            dist.all_reduce(there)
            for parameter in [p for p, known in zip(trained, there.tolist(), strict=True) if known]:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            self._reduce([p.grad for p in trained if p.grad is not None])

    def _reduce(self, grads: Sequence[torch.Tensor]) -> None:
        """One message for all gradients of a type: many small ones would each wait for the network."""
        for kind in dict.fromkeys(grad.dtype for grad in grads):
            own = [grad for grad in grads if grad.dtype == kind]
            flat = torch.cat([grad.flatten() for grad in own])
            dist.all_reduce(flat)
            flat /= self.count
            parts = flat.split([grad.numel() for grad in own])
            for grad, part in zip(own, parts, strict=True):
                grad.copy_(part.view_as(grad))


@contextmanager
def talking() -> Generator[None]:
    """Turn what torch raises when another process is gone into one clear RankError."""
    try:
        yield
    except RuntimeError as fault:
        text = str(fault).lower()
        odd = any(word in text for word in ("gloo", "nccl", "connection", "timed out", "socket"))
        if not isinstance(fault, dist.DistError) and not odd:
            raise
        raise RankError(
            "another of the processes that train together is gone; resume the run from its last checkpoint"
        ) from fault
