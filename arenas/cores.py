"""Work on much data: one function over many items on all cores, and no search for garbage meanwhile."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_work: Callable[[object], object] | None = None


def on_all_cores(
    make: Callable[[], Callable[[Item], Result]], items: Sequence[Item]
) -> Iterator[Result]:
    """The results of items, in their order; `make` gives each process a function of its own.

    Processes are forked, so that they know what was registered and loaded here. Where that is unsafe
    (beside other threads) or of no use (one core, one item) all is done in this process.
    """
    processes = min(_cores(), len(items))
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(make(), items)
        return
    # a lock that another thread holds would stay locked in the child for ever
    if threading.active_count() > 1:
        yield from map(make(), items)
        return

    with ExitStack() as opened:
        pool: Executor = opened.enter_context(
            ProcessPoolExecutor(
                processes,
                mp_context=multiprocessing.get_context("fork"),
                initializer=_begin,
                initargs=(make,),
            )
        )
        with warnings.catch_warnings():
            # Python warns of threads that numerical libraries keep; those survive a fork
            warnings.simplefilter("ignore", DeprecationWarning)
            waiting = [pool.submit(_one, item) for item in items]
        opened.callback(lambda: [one.cancel() for one in waiting])
        for one in waiting:
            yield one.result()  # pyright: ignore[reportReturnType]  # what `make` returned gave it


@contextmanager
def uncollected() -> Generator[None]:
    """No search for cyclic garbage while many values are made that stay: each search visits them all."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


def _begin(make: Callable[[], Callable[[Item], Result]]) -> None:
    global _work  # a process of a pool has nowhere else to keep what serves all its items
    _work = make()  # pyright: ignore[reportAssignmentType]


def _one(item: object) -> object:
    assert _work is not None, "the pool's initializer has run"
    return _work(item)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux tells which cores this process may use
        return os.cpu_count() or 1
