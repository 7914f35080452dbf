"""Sums that are proposed or checked, and facts in documents: what each seat is paid, by hand."""

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


def right_with(p):
    """A policy of sums that gives the key with probability p, and the others alike."""

    def odds(seat, view, choices):
        a, _, b, _, m = view[-1].text.rstrip("?").split()
        key = (int(a) + int(b)) % int(m)
        return [p if int(c) == key else (1 - p) / (len(choices) - 1) for c in choices]

    return odds


@pytest.mark.parametrize(
    ("said", "payoff", "credits"),
    [
        ((1, "wrong", 0), 1, [{"right": 0}, {"verdict": 1}, {"right": 1, "correction": 10}]),
        ((0, "wrong", 1), 0, [{"right": 1}, {"verdict": 0}, {"right": 0, "correction": -10}]),
        ((0, "right", 0), 1, [{"right": 1}, {"verdict": 1}, {"right": 1, "correction": 0}]),
    ],
)
def test_each_turn_of_a_check_earns_its_own_credits(play, said, payoff, credits):
    table = check(play, *said)
    assert table.payoff["solver"] == payoff
    assert [dict(turn.credits) for turn in table.turns] == credits
    change = payoff - (said[0] == 0)
    assert dict(table.notes)["right"] == [said[0] == 0, payoff]
    assert (dict(table.notes)["wrong_to_right"], dict(table.notes)["right_to_wrong"]) == (
        change == 1,
        change == -1,
    )


def check(play, *said, **parameters):
    """A game of one sum; numbers are answers off its key by so much."""

    def solver(ask):
        state["text"] = ask.prompt if "mod" in ask.prompt else state["text"]
        a, _, b, _, m = state["text"].rstrip("?").split()
        move = next(moves)
        return move if isinstance(move, str) else str((int(a) + int(b) + move) % int(m))

    moves, state = iter(said), {"text": ""}
    return play("sums-check-v0", {"solver": solver}, **parameters)


def test_with_stop_an_answer_that_is_called_right_stands(play):
    table = check(play, 1, "right", stop=True)
    assert len(table.turns) == 2
    assert (table.payoff["solver"], dict(table.notes)["right"]) == (0, [0, 0])
    assert (dict(table.notes)["proxy"], dict(table.notes)["gold"]) == (1, 0)
    assert len(check(play, 1, "wrong", 0, stop=True).turns) == 3


def test_verdict_and_second_answer_can_be_left_out(play):
    assert len(check(play, 0, "right", second=False).turns) == 2
    assert len(check(play, 1, 0, verdict=False).turns) == 2
    assert len(check(play, 0, verdict=False, second=False).turns) == 1


def test_agents_see_the_others_answers_before_their_second(play):
    table = play(
        "sums-check-v0", solvers(1, 2, 3), verdict=False, agents=3, level=1, part="held-out"
    )
    assert table.turns[3].prompt[-1].text == "others say 2, 3; again?"
    assert find("sums-check-v0").sum == "common"
    assert find("sums-check-v0", agents=3).sum == "general"


def test_transitions_of_a_policy_are_exact():
    """First right with .3; the second answer stands when it was called right, else it is drawn anew."""

    def odds(seat, view, choices):
        if choices == ("right", "wrong"):
            return (0.25, 0.75)
        return right_with(0.3)(seat, view[:2], choices)

    found = tree(find("sums-check-v0", level=2, stop=True)).means(odds)
    assert found["right/0"] == found["gold"] == pytest.approx(0.3)
    assert found["wrong_to_right"] == pytest.approx(0.7 * 0.75 * 0.3)
    assert found["right_to_wrong"] == pytest.approx(0.3 * 0.75 * 0.7)
    assert found["proxy"] == pytest.approx(0.25)


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
