"""One policy whose engines are Ray actors, on this machine or many (extra `ray`).

Each request is answered by one engine; all engines are alike, and a reply depends on its request alone, so
who answered does not matter. When an actor dies, what it had not answered is asked again of another: a
request is answered once, whatever was computed twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Self

import ray
from ray.exceptions import RayError, RayTaskError

from ...agents.policy import Policy, QuotaError, Request
from ...envs.errors import SparringError
from ...envs.types import PolicyRef, Reply
from .ray_cluster import Cluster, failed_to_start, last_line

RESTARTS: Final = 8
"""How many actors may die, beyond the number of workers, before the fleet gives up."""


class FleetError(SparringError, RuntimeError):
    """Engines cannot be opened, keep dying, or failed on what they were asked."""


class Fleet:
    """A policy over `workers` engines, each made by `engine()` in an actor of its own.

    Requests are cut, in their order, into pieces of `piece`, and a free engine takes the next one. The
    pieces depend on the requests alone, so replies do not depend, even by rounding, on how many engines
    there are or which are quick. `engine` travels to the actors, so it must be a function that Ray can
    pickle. `resources` are Ray's options for an actor, as {"num_gpus": 1}; `address` is that of a cluster
    (see `Cluster`).
    """

    streams = False

    def __init__(
        self,
        engine: Callable[[], Policy],
        ref: PolicyRef,
        *,
        workers: int = 2,
        piece: int = 64,
        resources: Mapping[str, Any] | None = None,
        address: str | None = None,
    ) -> None:
        self.ref = ref
        self.deaths = 0
        self._engine = engine
        self._workers = workers
        self._piece = piece
        self._resources = dict(resources or {"num_cpus": 1})
        self._cluster = Cluster(address)

        self._idle: list[Any] = []
        self._started = 0
        self._version = ""
        self._weights: list[Any] = []
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Condition] | None = None

    def publish(self, state: Mapping[str, Any], ref: PolicyRef) -> None:
        """From now on engines answer with these weights (tensors by name, as their `load` takes them).

        They are put into the cluster once; an engine fetches them before it answers next, one that takes a
        dead one's place likewise.
        """
        self._cluster.start()
        # in a list: Ray fetches a bare reference at every call, and this only once
        self._weights = [ray.put(dict(state))]

        self._version = ref.id
        self.ref = ref

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """One reply per request, in order. Raises FleetError, or QuotaError where an engine did."""
        pieces = [
            requests[start : start + self._piece] for start in range(0, len(requests), self._piece)
        ]
        answered = await asyncio.gather(*(self._answered(piece) for piece in pieces))
        return [reply for part in answered for reply in part]

    def close(self) -> None:
        """Let the actors go, and the cluster if it was started here; safe to call twice."""
        for actor in self._idle:
            ray.kill(actor)
        self._idle.clear()
        self._started = 0
        self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _answered(self, piece: Sequence[Request]) -> Sequence[Reply]:
        """A piece's replies, by whichever engine lives to give them."""
        while True:
            actor = await self._free_actor()
            called = actor.answer.remote(self._version, self._weights, piece)
            try:
                replies = await asyncio.wrap_future(called.future())
            except RayTaskError as fault:
                # the engine lives: only what it was asked failed
                await self._give_back(actor)
                kind = QuotaError if isinstance(fault.cause, QuotaError) else FleetError
                raise kind(f"an engine failed: {last_line(fault)}") from fault
            except RayError as fault:
                if failed_to_start(fault):
                    raise FleetError(f"an engine could not start: {last_line(fault)}") from fault
                await self._lost(actor, fault)

            except asyncio.CancelledError:
                # it computes on what nothing waits for, so it cannot be given back
                ray.kill(actor)
                self._started -= 1
                raise
            else:
                await self._give_back(actor)
                return replies

    @property
    def _freed(self) -> asyncio.Condition:
        """What waits for a free actor, in this event loop: calls may come from one after another."""
        loop = asyncio.get_running_loop()
        if self._waiting is None or self._waiting[0] is not loop:
            self._waiting = loop, asyncio.Condition()
        return self._waiting[1]

    async def _free_actor(self) -> Any:
        """A free actor; started now, while there are fewer than there may be."""
        self._cluster.start()
        async with self._freed:
            await self._freed.wait_for(lambda: self._idle or self._started < self._workers)
            if self._idle:
                return self._idle.pop()
            # counted before it is made, so that no other waiter takes its place
            self._started += 1
        return _Engine.options(**self._resources).remote(self._engine)

    async def _give_back(self, actor: Any) -> None:
        async with self._freed:
            self._idle.append(actor)
            self._freed.notify()

    async def _lost(self, actor: Any, fault: Exception) -> None:
        """An actor died: make room for another, unless they keep dying."""
        ray.kill(actor)

        # a waiter may now start a new actor in its place
        async with self._freed:
            self.deaths += 1
            self._started -= 1
            self._freed.notify()
        if self.deaths > self._workers + RESTARTS:
            raise FleetError(f"engines keep dying; the last: {last_line(fault)}") from fault


@ray.remote(max_restarts=0, max_task_retries=0)
class _Engine:
    """Holds one engine. Lives in a process of its own, on any machine of the cluster."""

    def __init__(self, engine: Callable[[], Policy]) -> None:
        self._policy: Any = engine()
        self._version = ""

    async def answer(
        self, version: str, weights: list[Any], requests: Sequence[Request]
    ) -> Sequence[Reply]:
        """Replies under the weights of `version`, whose reference is fetched only where it is new."""
        if version != self._version:
            self._policy.load(await weights[0], version)
            self._version = version
        return list(await self._policy.act(requests))
