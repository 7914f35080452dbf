"""The task buffer: one task once, its latest difficulty, hard tasks not crowded out."""

import random
from collections import Counter
from typing import Any

from sparring.envs.tasks.task_buffer import Shelf, Task, identity
from sparring.envs.types import Value


def task(number: int, rate: float) -> dict[Value, Value]:
    return {"source": f"def f(x):\n    return x + {number}", "input": (1,), "solve_rate": rate}


def read(item: Any, key: str) -> Any:
    """A field of a kept item, which may be any plain value."""
    return item[key]


def test_a_task_that_comes_again_is_measured_anew():
    shelf = Shelf()
    shelf.add(task(1, 0.5), step=1)
    shelf.add({**task(1, 0.9), "source": "def f(y):  # mine\n    return y + 1"}, step=7)
    (kept,) = shelf.tasks
    assert (kept.rate, kept.step) == (0.9, 7)


def test_text_is_the_same_by_its_words_and_inputs_tell_programs_apart():
    assert identity("What is 2+2?") == identity("what is 2 + 2")
    assert identity(task(1, 0)) == identity(task(1, 1))
    assert identity(task(1, 0)) != identity({**task(1, 0), "input": (2,)})


def test_draws_are_balanced_over_difficulty():
    shelf = Shelf()
    for number in range(99):
        shelf.add(task(number, 1.0), step=number)
    shelf.add(task(1000, 0.1), step=99)
    hard = sum(
        read(item, "solve_rate") == 0.1
        for seed in range(400)
        for item in shelf.draw(1, random.Random(seed))
    )
    assert 150 < hard < 250


def test_a_draw_has_no_item_twice_and_no_more_than_there_are():
    shelf = Shelf()
    for number in range(5):
        shelf.add(task(number, number / 4), step=0)
    drawn = shelf.draw(9, random.Random(0))
    assert Counter(map(identity, drawn)) == Counter(
        {identity(task(number, 0)): 1 for number in range(5)}
    )


def test_room_is_made_among_the_many_and_the_oldest_goes():
    shelf = Shelf(most=4)
    shelf.add(task(0, 0.0), step=0)
    for number in range(1, 9):
        shelf.add(task(number, 1.0), step=number)
    assert [t.step for t in shelf.tasks] == [0, 6, 7, 8]


def test_stale_tasks_are_named_oldest_first():
    shelf = Shelf()
    for step in (5, 1, 3):
        shelf.add(task(step, 0.5), step)
    assert [read(item, "source")[-1] for item in shelf.stale(before=5)] == ["1", "3"]


def test_bands():
    assert [Task(None, rate, 0).band for rate in (0, 0.1, 0.5, 0.9, 1, None)] == [0, 1, 2, 3, 4, 2]


def test_a_near_copy_is_found_among_all_that_is_kept():
    shelf = Shelf()
    kept = [{"source": f"def f(x):\n    return {'x + ' * n}1", "input": (1,)} for n in (0, 2, 6)]
    for item in kept:
        shelf.add({**item}, step=0)
    dressed = "def f(list):\n    z = 0\n    return list + list + 1"
    assert shelf.copies({"source": dressed}, 9) == [kept[1]]
    assert shelf.copies({"source": "def f(x):\n    return len(x)"}, 1) == []
    assert shelf.copies("What is it?", 1) == []
