"""The buffer of a run: stale tasks come back oldest first, none twice in a step, and are stamped anew."""

from __future__ import annotations

from typing import Any

from sparring.envs.script import STALE, Recall
from sparring.envs.types import Ending, Episode, GameRef
from sparring.training.players.tasks import Tasks


def kept(*items):
    return Episode(
        GameRef("g-v0"), 0, 0, {}, (), {}, Ending("outcome"), kept=tuple(("k", i) for i in items)
    )


def task(number, rate):
    return {"source": f"def f(x):\n    return x + {number}", "input": (1,), "solve_rate": rate}


def test_stale_tasks_come_back_oldest_first_and_none_twice_in_a_step():
    tasks = Tasks(0)
    for step, number in enumerate((7, 8, 9)):
        tasks.begin(step)
        tasks.add([kept(task(number, 0.5))])
    tasks.begin(3)
    wish = Recall(STALE + "k", 1, ())
    items: Any = [item for _ in range(4) for item in tasks(wish)]
    drawn = [item["source"][-1] for item in items]
    assert drawn == ["7", "8", "9"]


def test_a_task_measured_again_is_no_longer_the_stalest():
    tasks = Tasks(0)
    for step, number in enumerate((7, 8)):
        tasks.begin(step)
        tasks.add([kept(task(number, 0.5))])
    tasks.begin(2)
    tasks.add([kept(task(7, 1.0))])
    tasks.begin(3)
    (item,) = tasks(Recall(STALE + "k", 1, ()))
    assert item == task(8, 0.5)
    assert len(tasks) == 2


def test_a_kind_that_holds_nothing_has_nothing_stale():
    assert tuple(Tasks(0)(Recall(STALE + "k", 1, ()))) == ()
