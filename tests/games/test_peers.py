"""Games in which models review each other: peer-review, sums-debate, sums-judge; and answers that stand."""

from __future__ import annotations

import pytest
from sparring.envs.registry import ParameterError, find


def test_peers_sit_one_and_two_agents_on_and_the_next_round_shows_what_was_said(play):
    seen = {}

    def solve(ask):
        seen[ask.seat] = ask.prompt
        return f"<answer>{ask.seat[-1]}</answer>"

    def evaluate(ask):
        seen[ask.seat] = ask.prompt
        return f"<evaluation>seen by {ask.seat[-1]}</evaluation>"

    def score(ask):
        seen[ask.seat] = ask.prompt
        return "3"

    players = {"solver": solve, "evaluator": evaluate, "scorer": score}
    table = play("peer-review-v0", players, agents=3, rounds=2)
    assert "Solution: 0\n" in seen["evaluator_1"]
    assert "Solution: 0\nEvaluation: seen by 1\n" in seen["scorer_2"]
    assert "0 (seen by 1)\n1 (seen by 2)\n2 (seen by 0)" in seen["solver_0"]
    assert {turn.credits["peer"] for turn in table.turns if turn.role == "solver"} == {1}
    assert table.payoff["evaluator_0"] == table.payoff["scorer_0"] == 0


def test_a_line_alone_is_an_evaluation(play):
    """Asked for one line, a model gave one, without its tag, and lost the game by it."""
    players = {"solver": "3", "evaluator": "The result is 3,\nnot 21.", "scorer": "1"}
    table = play("peer-review-v0", players, agents=2, rounds=1)
    assert table.ending.kind == "outcome"
    shown = [turn.prompt[-1].text for turn in table.turns if turn.role == "scorer"]
    assert all("Evaluation: The result is 3, not 21.\n" in text for text in shown)


@pytest.mark.parametrize(("label", "paid"), [("majority", (1, 0, 1, 0)), ("gold", (0, 1, 0, 1))])
def test_a_debate_is_paid_by_its_vote_or_by_the_key(play, label, paid):
    draft = play("sums-debate-v0", {"generator": "0", "critic": "0"}, agents=2, level=2)
    shown = draft.turns[0].prompt[-1].text.rstrip("?").split()
    key = (int(shown[0]) + int(shown[2])) % 8
    wrong = str((key + 1) % 8)
    players = {"generator_0": wrong, "generator_1": str(key), "critic_0": wrong}
    table = play(
        "sums-debate-v0", {**players, "critic_1": str(key)}, agents=2, level=2, label=label
    )
    assert tuple(table.payoff.values()) == paid
    assert dict(table.notes) == {"gold": 0.5, "drafted": 0.5, "vote_right": 0, "distinct": 1}


def test_a_critic_sees_its_own_agents_answer_first(play):
    asked = {}

    def answer(ask):
        asked[ask.seat] = ask.prompt
        return ask.seat[-1]

    play("sums-debate-v0", {"generator": answer, "critic": answer}, level=2)
    assert asked["critic_1"].endswith("; I say 1, others 0, 2?")


def test_only_judges_who_differ_are_told_apart(play):
    asked = []

    def meta(ask):
        asked.append(ask.seat)
        return "right"

    judges = {"judge_0": "right", "judge_1": "wrong", "judge_2": "wrong", "judge_3": "wrong"}
    players = {"solver": "1", **judges, "meta": meta}
    table = play("sums-judge-v0", players, attempts=2, level=2)
    assert asked == ["meta_0"]
    assert dict(table.payoff) == {
        "solver_0": 0.5,
        "solver_1": 0,
        "judge_0": 1,
        "judge_1": 0,
        "judge_2": 0.5,
        "judge_3": 0.5,
    }


@pytest.mark.parametrize(
    ("id", "parameters", "message"),
    [
        ("critique-refine-v0", {"stop": True, "second": False}, "stop=true needs second=true"),
        ("self-correct-v0", {"pay": "all"}, "pay is last or progress, not 'all'"),
        ("self-correct-v0", {"grade": "half"}, "grade is all or share, not 'half'"),
        ("negotiation-v0", {"pay": "size"}, "pay is margin or sign, not 'size'"),
        ("sums-debate-v0", {"label": "judge"}, "there are: majority, gold"),
        ("sums-judge-v0", {"part": "test"}, "there are: train, held-out"),
    ],
)
def test_parameters_that_mean_nothing_are_refused_in_one_line(id, parameters, message):
    with pytest.raises(ParameterError, match=message):
        find(id, **parameters)


def test_progress_can_be_lost_as_far_as_the_range_says():
    game = find("self-correct-v0", pay="progress", turns=3)
    assert game.payoff_range == (-0.75, 1)
