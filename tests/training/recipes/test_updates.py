"""Updates: what each pays, weighs and leaves out, on three hand-made answers (numbers from the papers)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sparring.envs.tasks.sums import problems
from sparring.envs.types import Episode
from sparring.training.data.balance import balanced
from sparring.training.data.branches import Branches
from sparring.training.data.objectives import rows
from sparring.training.phases import stages
from sparring.training.recipes import recipe

from .by_hand import Recipe, references

RWR = (0, 1, 0)
"""Off the key by so much: right, wrong, right."""


def answered(found: Recipe, *offs: int) -> Episode:
    """One sum of sums, with an attempt for each of these."""
    problem = problems(2, "train")[0]
    said = [str((int(problem.key) + off) % problem.modulus) for off in offs]
    return found.play({f"solver_{i}": text for i, text in enumerate(said)})


def sums(name: str, count: int = 3, phase: int = 0) -> Recipe:
    return Recipe(name, phase, level=2, item=0, attempts=count)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("psr", [1, 0, 1]),
        ("nsr", [0, -1, 0]),
        ("w-reinforce", [0.1, -1, 0.1]),
        ("topr", [1, -1, 1]),
    ],
)
def test_right_and_wrong_answers_have_their_signs_weight_and_no_baseline(name, weights):
    found = sums(name)
    assert found.gradients(answered(found, *RWR)) == weights


def test_nft_weighs_a_group_as_grpo_does_and_gives_its_rate():
    found = sums("nft")
    game = answered(found, *RWR)
    assert found.gradients(game) == [0.707107, -0.707107, 0.707107]  # sqrt((1 - q) / q), q = 2/3
    made = rows(found.judged(game), found.config.objective)
    assert [row.rates for row in made] == [pytest.approx((2 / 3,))] * 3
    assert found.config.objective.kind == "nft"
    assert found.gradients(answered(found, 0, 0, 0)) == []  # a group all alike is left out


def test_rest_em_imitates_right_answers_from_the_base_ten_a_problem():
    found = sums("rest-em", phase=1)
    assert [each.imitate for each in found.lessons(answered(found, *RWR))] == [1, 0, 1]
    many = sums("rest-em", 14, phase=1)
    game = answered(many, *[0] * 12, 1, 1)
    assert sum(each.imitate for each in many.lessons(game)) == 10
    collect, imitate = recipe("rest-em").phases
    assert collect.collect_only
    assert imitate.start == "base"


@pytest.mark.parametrize(
    ("offs", "wanted", "score", "kept"),
    # right ones are one answer; of those kept at reward 1 none is wrong
    [((0, 0, 1, 2), 1, 1.0, 1), ((0, 0, 1, 2), 8, 1 / 8, 1), ((1, 1, 2, 3), 1, 0.0, 3)],
)
def test_b_star_keeps_what_earned_the_threshold_of_the_best_balance(offs, wanted, score, kept):
    found = sums("b-star", 4)
    balance = balanced(found.judged(answered(found, *offs)), wanted)
    assert balance
    assert (balance.score, len(balance.taken)) == (pytest.approx(score), kept)


def test_b_star_tries_four_temperatures_and_goes_on_from_the_last_model():
    found = stages(recipe("b-star"))
    assert [stage.config.rollout.temperature for stage in found[:4]] == [0.5, 0.7, 0.9, 1.1]
    assert [stage.config.stock.trials for stage in found] == [0, 0, 0, 0, 4, 0] * 2
    assert [stage.collects for stage in found] == [True] * 5 + [False] + [True] * 5 + [False]
    assert {phase.start for phase in recipe("b-star").phases} == {"last"}


def test_the_members_of_pbt_whiten_a_group_and_copy_the_best_quarter_by_the_held_out_exam():
    found = sums("pbt")
    assert found.gradients(answered(found, *RWR)) == [0.707107, -1.414214, 0.707107]
    population = found.config.population
    assert (population.exploit, population.share) == ("truncation", 0.25)
    assert (population.shrink, population.grow) == (0.8, 1.2)
    assert [stage.place.member for stage in stages(recipe("pbt"))] == ["m1", "m2", "m3", "m4"] * 5


def test_self_training_pays_agreement_with_the_majority_against_the_other_attempts():
    found = sums("self-train")
    # two of three agree on a wrong answer, and the right one pays
    assert found.gradients(answered(found, 1, 1, 0)) == [0.5, 0.5, -1]


def credited(game: Episode, name: str, *amounts: float) -> Episode:
    turns = [t._replace(credits={name: a}) for t, a in zip(game.turns, amounts, strict=True)]
    return replace(game, turns=tuple(turns))


def test_intuitor_whitens_certainty_in_the_group_and_pays_nothing_else():
    found = sums("intuitor")
    game = credited(answered(found, *RWR), "certainty", 1.0, 2.0, 3.0)
    assert found.gradients(game) == [-1.224745, 0, 1.224745]


def test_rlsc_weighs_an_answer_by_its_likelihood_and_a_tenth():
    found = sums("rlsc")
    game = credited(answered(found, *RWR), "likelihood", 0.5, 0.2, 0.9)
    assert found.gradients(game) == [0.6, 0.3, 1.0]


def test_rest_mcts_weighs_a_first_answer_by_what_went_on_from_it():
    found = Recipe("rest-mcts", level=2)
    (chosen,) = found.play({"solver": "0"}).chances
    key = problems(2, "train")[chosen].key
    wrong = str((int(key) + 1) % 8)
    games = [
        found.play({"solver": [wrong, second]}, begun=place and 1, replicate=place)
        for place, second in enumerate((key, wrong, key))
    ]
    branches = Branches({0: 1}, {1: 0, 2: 0})
    told = [(x.turn, round(x.imitate, 6)) for x in found.lessons(*games, branches=branches)]
    assert told == [(1, 0.666667), (2, 1), (2, 1)]


def test_exit_whitens_the_games_of_one_start():
    found = Recipe("exit", turns=2, feedback="none")
    good, bad = references(found)
    games = [
        found.play({"solver": [bad, last]}, replicate=k) for k, last in enumerate((good, bad, good))
    ]
    assert found.gradients(*games) == [0.707107] * 2 + [-1.414214] * 2 + [0.707107] * 2
    assert found.config.starts.share == 0.5
