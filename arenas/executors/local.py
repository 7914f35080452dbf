"""Games that a plan calls for, played and made durable: executors, and the driver that records for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Protocol

from ...agents.policy import Policy
from ...envs.errors import SparringError
from ...envs.types import Episode
from ...sandbox.verifier import Verifier
from ..costs import Price
from ..fixture import Fixture, Settled, settle
from ..match import Match
from ..rollouts import rollouts
from ..store.store import Store
from ..transcript import write

BATCH: Final = 256
"""Rows in one transaction, at most."""
DELAY_SECONDS: Final = 0.05
"""How long a finished game may wait for others before it is made durable."""


class RunError(SparringError, RuntimeError):
    """Games keep coming to nothing. What was recorded stays; run again to go on from there."""


@dataclass(frozen=True, slots=True)
class Order:
    """A fixture with the lease under which it may be reported."""

    fixture: Fixture
    token: int


class Executor(Protocol):
    """Plays games somewhere. Never touches the store: it reports, and the driver records."""

    @property
    def at_once(self) -> int:
        """How many games may be in flight."""
        ...

    def play(self, orders: Iterable[Order]) -> AsyncGenerator[Settled]:
        """Each order's outcome as it comes, in any order; void where machinery failed, never an exception
        for the fault of a policy, a game or a worker. Pulls orders only as it can take them."""
        ...


class Local:
    """Plays in this process, many games in flight, so that a policy answers in batches.

    `policies` maps entrant ids to policies. With `deterministic` batches depend on the plan alone.
    """

    def __init__(
        self,
        policies: Mapping[str, Policy],
        *,
        verifier: Verifier | None = None,
        at_once: int = 64,
        deterministic: bool = True,
        prices: Mapping[str, Price] | None = None,
        worker: str = "local",
    ) -> None:
        self.at_once = at_once

        self._policies = policies
        self._verifier = verifier
        self._deterministic = deterministic
        self._prices = prices or {}
        self._worker = worker

    async def play(self, orders: Iterable[Order]) -> AsyncGenerator[Settled]:
        # rollouts know games by index: the order comes back from here with its lease
        issued: dict[int, Order] = {}

        games = rollouts(
            self._matches(orders, issued),
            verifier=self._verifier,
            at_once=self.at_once,
            deterministic=self._deterministic,
        )
        # closed with this generator: no game runs on behind a caller that stopped
        async with aclosing(games):
            async for index, episode in games:
                yield self._settled(issued.pop(index), episode)

    def _matches(self, orders: Iterable[Order], issued: dict[int, Order]) -> Iterator[Match]:
        for index, order in enumerate(orders):
            issued[index] = order
            fixture = order.fixture
            seats = {seat: self._policies[entrant] for seat, entrant in fixture.seats.items()}
            yield Match(fixture.game, seats, fixture.seed, fixture.replicate)

    def _settled(self, order: Order, episode: Episode) -> Settled:
        row = settle(order.fixture, episode, self._prices)
        return Settled(
            fixture=order.fixture,
            row=row,
            # a void attempt is no game, so nothing of it is kept as one
            transcript="" if row.void else write(_as_entered(order.fixture, episode)),
            token=order.token,
            worker=self._worker,
            verifier=episode.verifier,
            reason=episode.ending.reason if row.void else "",
        )


def _as_entered(fixture: Fixture, episode: Episode) -> Episode:
    """The episode under the ids its fixture was entered with (a control plays under a second one)."""
    # the usual case, in which nothing is copied
    if all(ref.id == fixture.seats[seat] for seat, ref in episode.seats.items()):
        return episode
    seats = {seat: replace(ref, id=fixture.seats[seat]) for seat, ref in episode.seats.items()}
    return replace(episode, seats=seats)


async def carry_out(
    store: Store,
    fixtures: Iterable[Fixture],
    executor: Executor,
    *,
    attempts: int = 3,
    patience: int = 64,
) -> AsyncGenerator[Settled]:
    """Play what the store lacks of the fixtures, and yield each outcome once it is durable.

    A game that failed is played again, up to `attempts` times in all, after the others. Close
    the generator to stop early: what has finished is recorded, what is in flight is dropped. Raises
    RunError when more than `patience` games (and all those in flight) in a row failed, and
    StoreError when the store takes no more.
    """
    recorder = _Recorder(store)
    # those in flight may all have begun before the first failure was seen
    patience += executor.at_once
    again: list[Fixture] = []
    futile = 0

    wanted: Iterable[Fixture] = fixtures
    try:
        for _ in range(attempts):
            again = []
            playing = executor.play(recorder.leased(wanted))
            async with aclosing(playing):
                async for settled in playing:
                    if settled.row.void:
                        again.append(settled.fixture)
                    futile = futile + 1 if settled.row.void else 0
                    # recorded before giving up: a failed attempt has a cost and a cause
                    recorder.add(settled)
                    if futile > patience:
                        raise RunError(_gave_up(futile, settled, recorder))
                    for durable in recorder.taken():
                        yield durable
            if not again:
                break

            # a lease is free again only when its void row is in the store
            recorder.settle()
            wanted = again
    finally:
        recorder.close()
    # closing has made the last batch durable
    for durable in recorder.taken():
        yield durable


def _gave_up(futile: int, settled: Settled, recorder: _Recorder) -> str:
    return (
        f"{futile} games in a row failed; the last: {settled.row.status}, {settled.reason}. "
        f"{recorder.recorded} games were recorded in this run and stay; run again to go on"
    )


class _Recorder:
    """Gathers outcomes into batches of at most BATCH, none kept back longer than DELAY_SECONDS.

    A thread makes one batch durable while the next is being played: waiting for the disk costs no time
    unless the disk is slower than the games.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Settled] = []
        self._durable: list[Settled] = []
        self._due: asyncio.TimerHandle | None = None
        self._fault: SparringError | None = None
        self._since = time.perf_counter()
        self._held: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._writing: tuple[Future[int], list[Settled]] | None = None
        self.recorded = 0

    def leased(self, fixtures: Iterable[Fixture]) -> Iterator[Order]:
        """The fixtures that are still to be played, with leases, a few at a time as they are asked for."""
        source = iter(fixtures)
        while some := list(islice(source, BATCH)):
            # no lease runs out here: this process alone plays, and frees them at its end
            tokens = self._store.lease([fixture.key for fixture in some], seconds=float("inf"))
            self._held.update(tokens)
            for fixture in some:
                if fixture.key in tokens:
                    yield Order(fixture, tokens[fixture.key])

    def add(self, settled: Settled) -> None:
        self._waiting.append(settled)
        if len(self._waiting) >= BATCH:
            self.flush()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(DELAY_SECONDS, self._overdue)

    def taken(self) -> Sequence[Settled]:
        """Outcomes that have become durable since last asked.

        Raises the error of the writer thread, if there is one.
        """
        # a timer may have met the fault first, and nothing could be raised there
        if self._fault:
            raise self._fault

        if self._writing and self._writing[0].done():
            self._written()
        ready, self._durable = self._durable, []
        return ready

    def flush(self) -> None:
        """Send all that waits to the disk, with the time since the last batch: its games share it."""
        if self._due:
            self._due.cancel()
            self._due = None
        if not self._waiting or self._fault:
            return

        now = time.perf_counter()
        batch, spent = self._waiting, now - self._since
        self._waiting, self._since = [], now
        # one batch is at the disk at a time, and rows keep the order of batches
        self._written()
        self._writing = self._thread.submit(self._store.record, batch, spent), batch

    def settle(self) -> None:
        """Make all that waits durable, and wait for it."""
        self.flush()
        self._written()

    def close(self) -> None:
        """Keep what has finished, and let go of what has not."""
        try:
            self.settle()
        finally:
            # the thread still writes: leases are free only once its rows are in
            self._thread.shutdown()
            self._store.release(self._held)

    def _written(self) -> None:
        """Take over the batch that is at the disk, once it is done."""
        if not self._writing:
            return
        (future, batch), self._writing = self._writing, None
        try:
            self.recorded += future.result()
        except SparringError as fault:
            self._fault = fault
            raise

        self._durable += batch
        self._held.difference_update([one.fixture.key for one in batch])

    def _overdue(self) -> None:
        self._due = None
        try:
            self.flush()
        except SparringError:
            return  # kept; `taken` raises it


def played(
    store: Store, fixtures: Iterable[Fixture], executor: Executor, *, attempts: int = 3
) -> list[Settled]:
    """All outcomes of `carry_out`, from code that is not async."""

    async def gather() -> list[Settled]:
        return [
            settled async for settled in carry_out(store, fixtures, executor, attempts=attempts)
        ]

    return asyncio.run(gather())
