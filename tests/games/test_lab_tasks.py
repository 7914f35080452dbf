"""Sums that are proposed, and facts in documents: what each seat is paid, by hand."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from sparring.envs.exact import seated, tree, uniform
from sparring.envs.games import facts
from sparring.envs.registry import find
from sparring.envs.tasks.attempts import problem_marks
from sparring.envs.tasks.sums import GRID, KINDS


def solvers(*answers):
    return {f"solver_{i}": str(answer) for i, answer in enumerate(answers)}


def test_the_grid_has_twelve_tasks_of_each_modulus():
    assert Counter(task.modulus for task in GRID.values()) == {4: 12, 8: 12, 16: 12, 32: 12}
    for kind, task in itertools.product(KINDS, GRID.values()):
        hidden = {"result": task.result, "operand": task.b, "operator": task.sign}[kind]
        assert task.fits(kind, str(hidden))
        assert str(hidden) in task.hiding(kind)[1]


def test_any_operand_or_sign_that_gives_the_result_is_right():
    task = GRID["9"]
    assert (str(task), str(GRID["2"])) == ("2 * 3 mod 4", "1 + 2 mod 4")
    assert [b for b in task.hiding("operand")[1] if task.fits("operand", b)] == ["1", "3"]
    assert [s for s in "+-*" if GRID["2"].fits("operator", s)] == ["+", "-"]


@pytest.mark.parametrize(
    ("reward", "proposer"),
    [("paper", 0.75), ("released", 0.75), ("variance", 0.75), ("tent", 0.25), ("neither_end", 1)],
)
def test_a_proposer_is_paid_by_the_share_that_is_right(play, reward, proposer):
    players = {"proposer": "1", **solvers(1, 2, 2, "?")}
    table = play("sums-propose-v0", players, attempts=4, reward=reward)
    assert dict(table.payoff) == {
        "proposer": proposer,
        **dict(zip(solvers(0, 0, 0, 0), (1, -0.5, -0.5, -1), strict=True)),
    }
    assert (
        dict(table.notes)["proxy"],
        dict(table.notes)["gold"],
        dict(table.notes)["modulus"],
    ) == (0.25, 0.25, 4)


def test_by_majority_the_proxy_parts_from_gold(play):
    players = {"proposer": "1", **solvers(1, 2, 2, 3)}
    table = play("sums-propose-v0", players, attempts=4, label="majority")
    assert list(table.payoff.values()) == [0.5, -0.5, 1, 1, -0.5]
    assert (dict(table.notes)["proxy"], dict(table.notes)["gold"]) == (0.5, 0.25)


def test_what_is_no_task_of_the_grid_costs(play):
    table = play("sums-propose-v0", {"proposer": "49"}, attempts=2)
    assert list(table.payoff.values()) == [-1, 0, 0]


def test_every_key_stands_in_one_document():
    assert sorted(itertools.chain(*facts.DOCUMENTS)) == sorted(facts.KEYS)
    assert len(facts.DOCUMENTS) == 16


def claim(play, off, grounded, answer, **parameters):
    """A proposer that claims the digit of the first key it may ask about, off by so much."""
    asked = []

    def proposer(ask):
        asked.append(ask.choices[0])
        told = int(facts.WORLD[asked[0]])
        return asked[0] if len(asked) == 1 else str((told + off) % 10)

    def solver(ask):
        return str((int(facts.WORLD[asked[0]]) + answer) % 10) if ask.seat[-1] == "0" else "hm"

    players = {"proposer": proposer, "solver": solver}
    return play("facts-v0", players, attempts=2, grounded=grounded, **parameters)


def test_a_grounded_claim_pays_what_the_document_says(play):
    table = claim(play, 0, True, 0)
    assert dict(table.payoff) == {"proposer": 1, "solver_0": 1, "solver_1": 0}
    assert (dict(table.notes)["proxy"], dict(table.notes)["gold"]) == (0.5, 0.5)


def test_a_claim_that_the_document_does_not_make_is_refused(play):
    table = claim(play, 1, True, 1)
    assert dict(table.payoff) == {"proposer": -1, "solver_0": 0, "solver_1": 0}
    assert not [turn for turn in table.turns if turn.role == "solver"]


@pytest.mark.parametrize(("off", "paid"), [(1, -0.1), (0, 1.0)])
def test_spice_takes_a_tenth_for_a_refused_claim_and_pays_one_for_an_even_one(play, off, paid):
    table = claim(play, off, True, 0, penalty=-0.1, reward="gaussian")
    assert table.payoff["proposer"] == pytest.approx(paid)


def test_without_grounding_the_claim_is_the_label_and_nothing_is_shown(play):
    table = claim(play, 1, False, 1)
    assert dict(table.payoff) == {"proposer": 1, "solver_0": 1, "solver_1": 0}
    assert (dict(table.notes)["proxy"], dict(table.notes)["gold"]) == (0.5, 0)
    assert table.turns[0].prompt[-1].text == "no document; key?"
    assert table.turns[0].choices == facts.KEYS


def test_recall_is_exact_over_all_keys():
    walked = tree(find("facts-v0", attempts=1))
    for solver, known in ((facts.honest, 1.0), (uniform, 0.1)):
        marks = problem_marks(walked, seated({"proposer": facts.honest, "solver": solver}))
        assert marks.weight == pytest.approx(np.full(64, 1 / 64))
        assert marks.accuracy == pytest.approx(known)
