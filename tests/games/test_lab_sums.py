"""Sums with labels by gold, by votes and by judges: payoffs by hand, exact accuracy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sparring.envs.exact import TreeError, tree, uniform
from sparring.envs.games import sums
from sparring.envs.registry import find
from sparring.envs.tasks.attempts import Marks, problem_marks
from sparring.envs.tasks.sums import PARTS, majority, problems
from sparring.envs.types import Message
from sparring.training.claims.parts import flawed


def solvers(*answers):
    return {f"solver_{i}": str(answer) for i, answer in enumerate(answers)}


def right_with(p):
    """A policy of sums that gives the key with probability p, and the others alike."""

    def odds(seat, view, choices):
        a, _, b, _, m = view[-1].text.rstrip("?").split()
        key = (int(a) + int(b)) % int(m)
        return [p if int(c) == key else (1 - p) / (len(choices) - 1) for c in choices]

    return odds


@pytest.mark.parametrize("level", range(1, 9))
def test_parts_share_no_problem_and_a_key_is_the_sum(level):
    train, held = (problems(level, part) for part in PARTS)
    assert not set(train) & set(held)
    assert len(train) == len(held) == min(100, 2 * level * (4 * level - 1) // 2)
    assert all(int(p.key) == (p.a + p.b) % (4 * level) for p in train + held)


def alone(play, answers, **parameters):
    """One problem, 2 + 6 mod 8 or the like: its payoffs and notes, for answers off its key by so much."""
    problem = problems(2, "train")[0]
    given = [str((int(problem.key) + off) % 8) for off in answers]
    table = play("sums-v0", solvers(*given), level=2, item=0, attempts=len(answers), **parameters)
    return [table.payoff[f"solver_{i}"] for i in range(len(answers))], dict(table.notes)


def test_gold_pays_the_key(play):
    paid, noted = alone(play, (0, 1, 1, 0, 1))
    assert paid == [1, 0, 0, 1, 0]
    assert noted == {"proxy": 0.4, "gold": 0.4}


def test_majority_pays_agreement_even_where_it_is_false(play):
    paid, noted = alone(play, (0, 1, 1, 2), label="majority")
    assert paid == [0, 1, 1, 0]
    assert (noted["proxy"], noted["gold"], noted["label_right"]) == (0.5, 0.25, 0)


@pytest.mark.parametrize(
    ("label", "paid"), [("majority", [1, 1, 1, 1]), ("swapped", [0] * 4), ("pooled", [1, 0, 1, 0])]
)
def test_each_wording_votes_for_itself_for_the_other_or_with_it(play, label, paid):
    """Seats 0 and 2 see one wording and are right, 1 and 3 see the other and agree on something else."""
    got, noted = alone(play, (0, 3, 0, 3), label=label, wordings=2)
    assert got == paid
    assert noted["gold"] == 0.5
    assert noted["label_right"] == (1 if label == "pooled" else 0.5)


def test_both_wordings_are_shown_and_ask_the_same(play):
    table = play("sums-v0", {"solver": "0"}, attempts=4, wordings=2)
    shown = [table.view(f"solver_{i}")[-2].text.split() for i in range(4)]
    assert shown[0] == shown[2]
    assert shown[1] == shown[3]
    assert (shown[0][0], shown[0][2]) == (shown[1][2], shown[1][0])


def test_a_judge_pays_what_it_calls_right_and_gold_shows_the_truth(play):
    key = int(problems(2, "train")[0].key)
    players = {**solvers(key, "hm"), "judge_0": "wrong"}
    table = play("sums-v0", players, level=2, item=0, attempts=2, label="judge")
    assert dict(table.payoff) == {"solver_0": 0, "solver_1": 0}
    assert (dict(table.notes)["proxy"], dict(table.notes)["gold"]) == (0, 0.5)
    assert [turn.seat for turn in table.turns] == ["solver_0", "solver_1", "judge_0"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("wordings", [1, 2])
def test_accuracy_over_all_sums_is_exact(part, wordings):
    walked = tree(find("sums-v0", attempts=1, level=4, part=part, wordings=wordings))
    marks = problem_marks(walked, right_with(0.3))
    assert marks.odds.shape == (wordings * len(problems(4, part)), 16)
    assert marks.accuracy == pytest.approx(0.3)
    assert marks.pass_at(16) == pytest.approx(1 - 0.7**16)
    assert marks.vote() == pytest.approx(1)
    assert walked.means(right_with(0.3))["gold"] == pytest.approx(0.3)
    assert problem_marks(walked, uniform).vote(8) == pytest.approx(1 / 16)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_the_vote_of_k_is_that_of_all_sequences_of_answers(k):
    """Against an enumeration of all 4^k sequences with the vote that the game takes."""
    odds = np.random.default_rng(1).dirichlet(np.ones(4), 3)
    right = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]], dtype=float)
    expected = 0.0
    for row, said in itertools.product(range(3), itertools.product("0123", repeat=k)):
        won = int(majority(said) or 0)
        expected += np.prod([odds[row, int(s)] for s in said]) * right[row, won] / 3
    assert Marks(np.full(3, 1 / 3), odds, right).vote(k) == pytest.approx(expected)


def test_the_vote_of_ever_more_goes_to_the_likeliest():
    odds = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    marks = Marks(np.array([0.5, 0.5]), odds, np.array([[1.0, 0, 0], [1.0, 0, 0]]))
    assert marks.vote() == 0.75
    assert marks.vote(160) == pytest.approx(0.75, abs=0.01)


def test_asks_that_are_no_problems_are_refused():
    with pytest.raises(TreeError, match="more than once"):
        problem_marks(tree(find("sums-check-v0", level=1)), uniform)


@pytest.mark.parametrize(
    ("answer", "knows", "fooled_says"),
    [("1", "right", (0.5, 0.5)), ("0", "wrong", "right"), ("5", "wrong", "wrong")],
)
def test_judges_of_sums_go_by_the_key_and_one_is_fooled_by_0(answer, knows, fooled_says):
    view = (Message("game", f"3 + 6 mod 8 = {answer}: right or wrong?"),)
    assert sums.sample("judge", view, sums.VERDICTS) == knows
    assert flawed("judge", view, sums.VERDICTS) == fooled_says
