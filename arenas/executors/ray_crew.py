"""Workers on a Ray cluster that do pieces of jobs, for whoever waits (extra `ray`).

A piece whose worker died is done again by another, so that each is given back once.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from functools import partial
from typing import Any, NamedTuple, Self, TypeAlias

import ray
from ray.cloudpickle import dumps  # pyright: ignore[reportAttributeAccessIssue] it has no types

from .ray_cluster import Cluster
from .ray_pool import Pool

Work: TypeAlias = Callable[[bytes, Any], Any]
"""Does a piece of a job."""


class Piece(NamedTuple):
    """A part of a job: the job's number, where its words lie on the cluster, and which part this is."""

    job: int
    words: list[Any]
    part: Any


class Crew:
    """`workers` actors (None: one for each core of the cluster), each with what `make()` gave it.

    That is a function that does a part of a job.

    `make` travels to the actors, so it must be a function that Ray can pickle. `resources` are Ray's options
    for an actor, as {"num_gpus": 1}; `address` is that of a cluster (see `Cluster`).
    """

    def __init__(
        self,
        make: Callable[[], Work],
        *,
        workers: int | None = None,
        resources: Mapping[str, Any] | None = None,
        address: str | None = None,
    ) -> None:
        self.deaths = 0
        self._cluster = Cluster(address)
        self._workers = workers or self._cluster.cores()
        self._cluster.start()
        options = dict(resources or {"num_cpus": 1})
        # a partial, and no method: the pool outlives nothing of ours
        self._pool: Pool[Piece] = Pool(
            partial(_Worker.options(**options).remote, dumps(make)), self._workers
        )
        self._waiting: deque[Piece] = deque()

    def order(self, job: int, words: bytes, parts: int) -> None:
        """Have a job done in so many parts; its words are put into the cluster once."""
        # in a list: Ray fetches a bare reference at every call, and this only once
        held = [ray.put(words)]
        self._waiting.extend(Piece(job, held, part) for part in range(parts))
        self._assign()

    def next(self) -> tuple[int, int, Any]:
        """Wait for a part that is done: its job, its number and what came of it. Raises RunError."""
        while True:
            over, _ = wait(self._pool.futures, return_when=FIRST_COMPLETED)
            ended = self._pool.settle(over.pop())
            if ended and ended.gone:
                self.deaths += 1
                # first of all: its job is the one that is waited for
                self._waiting.appendleft(ended.piece)
            self._assign()
            if ended and not ended.gone:
                return ended.piece.job, ended.piece.part, ended.result

    def close(self) -> None:
        """Let the actors go, and the cluster if it was started here; safe to call twice."""
        self._pool.stop()
        self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _assign(self) -> None:
        while self._waiting and self._pool.free:
            piece = self._waiting.popleft()
            self._pool.give(piece, partial(_do, piece))
        self._pool.start(len(self._waiting))


def _do(piece: Piece, actor: Any) -> Any:
    return actor.do.remote(piece.job, piece.words, piece.part)


@ray.remote(max_restarts=0, max_task_retries=0)
class _Worker:
    """Does parts of jobs. Lives in a process of its own, on any machine of the cluster."""

    def __init__(self, make: bytes) -> None:
        self._work: Work = pickle.loads(make)()
        self._job = -1
        self._words = b""

    def ready(self) -> None:
        """Answers once it is made."""

    def do(self, job: int, words: list[Any], part: int) -> Any:
        """A part of a job, whose words are fetched only where the job is new."""
        if job != self._job:
            held: Any = ray.get(words[0])
            self._words = held
            self._job = job
        return self._work(self._words, part)
