from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial

import pytest
from sparring.arenas import cores
from sparring.arenas.cores import on_all_cores


def times(factor: int) -> Callable[[int], tuple[int, int]]:
    return lambda item: (item * factor, os.getpid())


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_cores", lambda: 2)


def test_results_come_in_the_order_of_items_from_other_processes() -> None:
    if threading.active_count() > 1:
        pytest.skip("another test's thread lives on, and beside threads nothing is forked")
    found = list(on_all_cores(partial(times, 3), range(20)))
    assert [result for result, _ in found] == [3 * item for item in range(20)]
    assert os.getpid() not in {process for _, process in found}


def test_beside_another_thread_all_is_done_here() -> None:
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert {process for _, process in on_all_cores(partial(times, 3), range(4))} == {
            os.getpid()
        }
    finally:
        done.set()
        other.join()


def test_a_failure_in_a_process_is_raised_here() -> None:
    def fail(item: int) -> int:
        raise KeyError(item)

    with pytest.raises(KeyError, match="0"):
        list(on_all_cores(lambda: fail, range(4)))
