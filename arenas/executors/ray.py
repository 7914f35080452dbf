"""Games played by Ray actors, on this machine or many (extra `ray`).

Actors load their own players, play chunks of orders, and report rows and transcripts to the driver, which
alone writes the store. When an actor dies its chunk comes back as `void_worker`, a new one takes its
place, and the driver has the games played again: at least once here, exactly once in the store.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing
from functools import partial
from itertools import islice
from typing import Any, Self

import ray
from ray.cloudpickle import dumps  # pyright: ignore[reportAttributeAccessIssue] it has no types

from ...agents.policy import Policy
from ...envs.registry import load
from ...sandbox.verifier import Verifier
from ..costs import Price
from ..entrants import CONTROL, EntrantError, control_of
from ..fixture import Settled, void
from .local import Local, Order
from .ray_cluster import Cluster
from .ray_pool import Ended, Pool, over


class Ray:
    """Plays on `workers` actors (None: one for each core of the cluster), `chunk` games at a time on each.

    `player` makes the policy of an entrant from its spec in `specs` (by entrant id); it travels to the
    actors, so it must be a function that Ray can pickle. A policy whose id there is not the one here
    (other weights, other code) is refused. `verifier` opens one in each actor. `games` are files to load
    games from. `resources` are Ray's options for an actor, as {"num_gpus": 1}. `address` is that of a
    cluster (see `Cluster`).
    """

    def __init__(
        self,
        player: Callable[[str], Policy],
        specs: Mapping[str, str],
        *,
        workers: int | None = 2,
        chunk: int = 16,
        games: Sequence[str] = (),
        prices: Mapping[str, Price] | None = None,
        verifier: Callable[[], Verifier] | None = None,
        resources: Mapping[str, Any] | None = None,
        address: str | None = None,
    ) -> None:
        self._cluster = Cluster(address)
        self._workers = workers or self._cluster.cores()
        self.at_once = self._workers * chunk
        self._chunk = chunk

        sent = dumps(player)  # it may hold a game that an actor knows only after loading `games`
        self._setup = (sent, dict(specs), tuple(games), dict(prices or {}), chunk, verifier)
        self._resources = dict(resources or {"num_cpus": 1})
        self._actors: _Workers | None = None

    async def play(self, orders: Iterable[Order]) -> AsyncGenerator[Settled]:
        """As every executor; the actors stay for the next call, until `close`."""
        if self._actors is None:
            self._cluster.start()
            self._actors = _Workers(self._setup, self._resources, self._workers)
        async with aclosing(self._actors.work(_chunks(orders, self._chunk))) as outcomes:
            async for settled in outcomes:
                yield settled

    def close(self) -> None:
        """Let the actors go, and the cluster if it was started here; safe to call twice."""
        if self._actors:
            self._actors.stop()
            self._actors = None
        self._cluster.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Workers:
    """The actors of one run, and the chunks that wait for one."""

    def __init__(self, setup: tuple[Any, ...], resources: Mapping[str, Any], workers: int) -> None:
        made = partial(_Actor.options(**resources).remote, *setup)
        self._pool: Pool[list[Order]] = Pool(made, workers)
        self._workers = workers
        self._waiting: deque[list[Order]] = deque()

    async def work(self, chunks: Iterator[list[Order]]) -> AsyncGenerator[Settled]:
        """Play chunks. Closing the generator early stops the actors that are at work."""
        pool, awaited = self._pool, dict[Future[Any], asyncio.Future[None]]()
        try:
            self._assign(chunks)

            while pool.busy or self._waiting:
                for future in pool.futures:
                    if future not in awaited:
                        awaited[future] = asyncio.wrap_future(over(future))
                await asyncio.wait(awaited.values(), return_when=asyncio.FIRST_COMPLETED)
                for future in [each for each, of in awaited.items() if of.done()]:
                    del awaited[future]
                    for settled in _outcomes(pool.settle(future)):
                        yield settled
                self._assign(chunks)
        finally:
            # nothing waits for these games any more, and their actors would play on
            for waiting in awaited.values():
                waiting.cancel()
            self._waiting.clear()
            pool.drop()

    def stop(self) -> None:
        self._pool.stop()

    def _assign(self, chunks: Iterator[list[Order]]) -> None:
        while self._pool.busy + len(self._waiting) < self._workers and (
            chunk := next(chunks, None)
        ):
            self._waiting.append(chunk)

        while self._waiting and self._pool.free:
            chunk = self._waiting.popleft()
            self._pool.give(chunk, partial(_play, chunk))
        self._pool.start(len(self._waiting))


def _play(chunk: list[Order], actor: Any) -> Any:
    return actor.play.remote(chunk)


def _outcomes(ended: Ended[list[Order]] | None) -> list[Settled]:
    """The outcomes of a chunk; an actor that died makes all of its games void."""
    if ended is None:
        return []
    if not ended.gone:
        return ended.result
    reason = f"{ended.gone}: the worker died"
    lost = [(order.fixture, void(order.fixture, "worker"), order.token) for order in ended.piece]
    return [Settled(fixture, row, token=token, reason=reason) for fixture, row, token in lost]


def _chunks(orders: Iterable[Order], size: int) -> Iterator[list[Order]]:
    source = iter(orders)
    while chunk := list(islice(source, size)):
        yield chunk


@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    """Holds the players and plays chunks. Lives in a process of its own."""

    def __init__(
        self,
        player: bytes,
        specs: Mapping[str, str],
        games: Sequence[str],
        prices: Mapping[str, Price],
        at_once: int,
        verifier: Callable[[], Verifier] | None,
    ) -> None:
        for path in games:
            load(path)

        # the player may hold a game that only these files register
        self._player: Callable[[str], Policy] = pickle.loads(player)
        self._specs = specs
        self._players: dict[str, Policy] = {}
        self._local = Local(
            self._players,
            verifier=verifier() if verifier else None,
            at_once=at_once,
            prices=prices,
            worker=str(ray.get_runtime_context().get_actor_id()),
        )

    async def ready(self) -> None:
        """Answers once it is made."""

    async def play(self, orders: list[Order]) -> list[Settled]:
        for order in orders:
            for id in order.fixture.seats.values():
                # a player is loaded for its first game: an actor may never need some
                if id not in self._players:
                    self._players[id] = self._load(id)
        return [settled async for settled in self._local.play(orders)]

    def _load(self, id: str) -> Policy:
        if id.endswith(CONTROL):
            return control_of(self._load(id.removesuffix(CONTROL)))

        policy = self._player(self._specs[id])
        # results under this id would be another player's
        if policy.ref.id != id:
            raise EntrantError(
                f"{self._specs[id]!r} is {policy.ref.id} on this worker, and {id} was entered"
            )
        return policy
