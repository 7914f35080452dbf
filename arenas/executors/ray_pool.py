"""Ray actors that work on pieces: each gets one once it is up, and one that dies is replaced."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, Generic, NamedTuple, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from .local import RunError
from .ray_cluster import failed_to_start, last_line

T = TypeVar("T")
RESTARTS: Final = 8
"""How many actors may die, beyond their number, before the run is given up."""


class Ended(NamedTuple, Generic[T]):
    """A piece is over: with what the actor gave, or lost with the actor (`gone` says how it died)."""

    piece: T
    result: Any = None
    gone: str = ""


class Pool(Generic[T]):
    """At most `count` actors, each made by `actor()`; its class has a method `ready`.

    An actor has no piece before it is up: where a node is gone there may be no place for a new one, and a
    piece that waited for it would wait for ever.
    """

    def __init__(self, actor: Callable[[], Any], count: int) -> None:
        self._actor = actor
        self._count = count
        self._deaths_left = count + RESTARTS
        self._starting: dict[Future[Any], Any] = {}
        self._idle: list[Any] = []
        self._working: dict[Future[Any], tuple[Any, T]] = {}

    @property
    def busy(self) -> int:
        """How many pieces are worked on."""
        return len(self._working)

    @property
    def free(self) -> bool:
        """Whether an actor is up and has no piece."""
        return bool(self._idle)

    @property
    def futures(self) -> list[Future[Any]]:
        """Whatever may be over next, for `settle`."""
        return [*self._starting, *self._working]

    def start(self, wanted: int) -> None:
        """Have so many actors on their way up, as far as there may be more."""
        room = self._count - len(self._starting) - len(self._idle) - len(self._working)
        for _ in range(min(room, wanted - len(self._starting))):
            actor = self._actor()
            self._starting[actor.ready.remote().future()] = actor

    def give(self, piece: T, call: Callable[[Any], Any]) -> None:
        """Have a free actor do a piece; `call` calls its method."""
        actor = self._idle.pop()
        self._working[call(actor).future()] = (actor, piece)

    def settle(self, future: Future[Any]) -> Ended[T] | None:
        """What came of a future that is over; None: an actor is up, or died on its way.

        Raises RunError for an actor that cannot start, for code that failed in one, and for too many deaths.
        """
        if future in self._starting:
            actor = self._starting.pop(future)
            try:
                future.result()
            except RayError as fault:
                self._lost(actor, fault)
            else:
                self._idle.append(actor)
            return None

        actor, piece = self._working.pop(future)
        try:
            result = future.result()
        except RayTaskError as fault:
            # the actor lives, but its code failed: a new one would fail the same way
            ray.kill(actor)
            raise RunError(f"a worker could not play: {last_line(fault)}") from fault
        except RayError as fault:
            self._lost(actor, fault)
            return Ended(piece, gone=type(fault).__name__)
        self._idle.append(actor)
        return Ended(piece, result)

    def drop(self) -> None:
        """Stop the actors that are at work: nothing waits any more for what they do."""
        for actor, _ in self._working.values():
            ray.kill(actor)
        self._working.clear()

    def stop(self) -> None:
        """Stop all actors; safe to call twice."""
        self.drop()
        for actor in [*self._starting.values(), *self._idle]:
            ray.kill(actor)
        self._starting.clear()
        self._idle.clear()

    def _lost(self, actor: Any, fault: RayError) -> None:
        """An actor is gone. Another may take its place, but not without end."""
        if failed_to_start(fault):
            raise RunError(f"a worker could not start: {last_line(fault)}") from fault
        self._deaths_left -= 1
        if self._deaths_left < 0:
            raise RunError(f"workers keep dying; the last: {last_line(fault)}") from fault
        ray.kill(actor)


def over(future: Future[Any]) -> Future[None]:
    """A future that is over when this one is, and that may be cancelled without it."""
    made: Future[None] = Future()

    def tell(_: Future[Any]) -> None:
        if made.set_running_or_notify_cancel():
            made.set_result(None)

    future.add_done_callback(tell)
    return made
