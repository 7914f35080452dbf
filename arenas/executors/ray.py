"""Games played by Ray actors, on this machine or many; the only file that knows Ray (extra `ray`).

Actors load their own players, play chunks of orders, and report rows and transcripts to the driver, which
alone writes the store. When an actor dies its chunk comes back as `void_worker`, a new one takes its
place, and the driver has the games played again: at least once here, exactly once in the store.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from typing import Any, Final, Self

import ray
from ray.cloudpickle import dumps  # pyright: ignore[reportAttributeAccessIssue] it has no types
from ray.exceptions import RayError, RayTaskError

from ...agents.policy import Policy
from ...envs.registry import load
from ...sandbox.verifier import Verifier
from ..costs import Price
from ..entrants import CONTROL, EntrantError, control_of
from ..fixture import Settled, void
from .local import Local, Order, RunError
from .ray_cluster import Cluster, failed_to_start, last_line

RESTARTS: Final = 8
"""How many actors may die, beyond the number of workers, before the run is given up."""


class Ray:
    """Plays on `workers` actors, `chunk` games at a time on each.

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
        workers: int = 2,
        chunk: int = 16,
        games: Sequence[str] = (),
        prices: Mapping[str, Price] | None = None,
        verifier: Callable[[], Verifier] | None = None,
        resources: Mapping[str, Any] | None = None,
        address: str | None = None,
    ) -> None:
        self.at_once = workers * chunk
        self._workers = workers
        self._chunk = chunk

        sent = dumps(player)  # it may hold a game that an actor knows only after loading `games`
        self._setup = (sent, dict(specs), tuple(games), dict(prices or {}), chunk, verifier)
        self._resources = dict(resources or {"num_cpus": 1})
        self._cluster = Cluster(address)
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
    """The actors of one run and what each is playing."""

    def __init__(self, setup: tuple[Any, ...], resources: Mapping[str, Any], workers: int) -> None:
        self._setup = setup
        self._resources = resources
        self._workers = workers
        self._deaths_left = workers + RESTARTS
        self._idle: list[Any] = []
        self._playing: dict[asyncio.Future[list[Settled]], tuple[Any, list[Order]]] = {}

    async def work(self, chunks: Iterator[list[Order]]) -> AsyncGenerator[Settled]:
        """Play chunks. Closing the generator early stops the actors that are at work."""
        try:
            self._assign(chunks)

            while self._playing:
                done, _ = await asyncio.wait(self._playing, return_when=asyncio.FIRST_COMPLETED)
                for finished in done:
                    for settled in self._collect(finished):
                        yield settled
                self._assign(chunks)
        finally:
            # nothing waits for these games any more, and their actors would play on
            for future, (actor, _) in self._playing.items():
                future.cancel()
                ray.kill(actor)
            self._playing.clear()

    def stop(self) -> None:
        for actor in self._idle:
            ray.kill(actor)
        self._idle.clear()

    def _assign(self, chunks: Iterator[list[Order]]) -> None:
        while len(self._playing) < self._workers and (chunk := next(chunks, None)):
            actor = self._idle.pop() if self._idle else self._start()

            future: asyncio.Future[list[Settled]] = asyncio.wrap_future(
                actor.play.remote(chunk).future()
            )
            self._playing[future] = (actor, chunk)

    def _start(self) -> Any:
        return _Actor.options(**self._resources).remote(*self._setup)

    def _collect(self, finished: asyncio.Future[list[Settled]]) -> list[Settled]:
        """The outcomes of a chunk; a fault of the actor makes all of its games void."""
        actor, chunk = self._playing.pop(finished)
        try:
            settled = finished.result()
        except RayTaskError as fault:
            # the actor lives, but its code failed: a new one would fail the same way
            ray.kill(actor)
            raise RunError(f"a worker could not play: {last_line(fault)}") from fault
        except RayError as fault:
            if failed_to_start(fault):
                raise RunError(f"a worker could not start: {last_line(fault)}") from fault

            # a worker that died may be replaced, but not without end
            self._deaths_left -= 1
            if self._deaths_left < 0:
                raise RunError(f"workers keep dying; the last: {last_line(fault)}") from fault
            ray.kill(actor)

            gone = f"{type(fault).__name__}: the worker died"
            lost = [(order.fixture, void(order.fixture, "worker"), order.token) for order in chunk]
            return [Settled(fixture, row, token=token, reason=gone) for fixture, row, token in lost]

        self._idle.append(actor)
        return settled


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
