"""Sums with labels by gold, votes and judges, and sums that are checked: payoffs by hand, exact accuracy."""

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
