"""The buffer of a run: stale tasks come back oldest first, none twice in a step, and are stamped anew."""

from __future__ import annotations

from typing import Any

import pytest
from sparring.envs.script import STALE, Recall
from sparring.envs.types import Ending, Episode, GameRef
from sparring.training.config import ConfigError
from sparring.training.players.shelf_files import read_shelf
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


def test_a_recall_of_either_kind_draws_from_both_shelves():
    tasks = Tasks(0, loaded={"a": ["a1", "a2"], "b": ["b1"]})
    assert set(tasks(Recall("a|b", 3, ()))) == {"a1", "a2", "b1"}
    assert tasks(Recall("b|c", 3, ("seed",))) == ["b1"]
    assert tasks(Recall("c|d", 1, ("seed",))) == ["seed"]


def test_a_loaded_corpus_is_not_pushed_out_by_what_games_keep():
    tasks = Tasks(0, most=2, loaded={"a": ["one", "two", "three"]})
    assert len(tasks) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"fine"\n{"text": ', "line 2 is no JSON"),
        ('"fine"\n\n""', "line 3 is empty"),
        ("[" * 100_000, "line 1 is no JSON"),
        ("", "holds no item"),
        ("null", "line 1 is empty"),
        ('"fine"\n[NaN]', "line 2 is no JSON: it holds NaN"),
        ("-Infinity", "line 1 is no JSON: it holds -Infinity"),
        ('"fine"\n"\udcff"', "line 2 is no UTF-8 text"),
    ],
)
def test_a_bad_line_of_a_shelf_file_is_told_by_its_number(tmp_path, text, told):
    (tmp_path / "f.jsonl").write_text(text, errors="surrogateescape")
    with pytest.raises(ConfigError, match=told) as refusal:
        read_shelf("document", str(tmp_path / "f.jsonl"))
    assert "\n" not in str(refusal.value)


def test_a_shelf_file_holds_texts_and_objects(tmp_path):
    text = '"one\u2028line"\n{"text": "two"}\n{"source": "x", "input": [1]}\n'
    (tmp_path / "f.jsonl").write_text(text)
    assert read_shelf("k", str(tmp_path / "f.jsonl")) == [
        "one\u2028line",
        "two",
        {"source": "x", "input": (1,)},
    ]


@pytest.mark.parametrize("name", ["serl_questions.jsonl", "spice_documents.jsonl"])
def test_shelf_files_that_ship_are_found_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    items = read_shelf("k", f"shipped:{name}")
    assert len(items) >= 12
    assert all(isinstance(item, str) for item in items)
