"""B-STaR's balance: right, different and few wrong ones, with the numbers of its formula."""

from dataclasses import replace
from pathlib import Path

import pytest
from sparring.envs.types import Episode
from sparring.training.balancing import warmth
from sparring.training.config import Config, ConfigError
from sparring.training.data.advantage import Centre, Credited
from sparring.training.data.balance import balance, balanced
from sparring.training.data.objectives import Judged
from sparring.training.phases import stages
from sparring.training.recipes import recipe
from sparring.training.settings import override

from ..conftest import attempt, sample
from .test_stock import kept, opened


def answers(group: str, *told: tuple[int, float]) -> list[Judged]:
    """Answers to one problem: the token that was said, and what it earned; above a half is right."""
    made: list[Judged] = []
    for place, (word, earned) in enumerate(told):
        of = attempt(place, group=group, payoff=earned, reward=earned, seat=f"{group}{place}")
        one = sample([1, 2, 3, word], (3, 4))._replace(attempt=of)
        made.append(Judged(Credited(one, (Centre(0.0),), (0.0,)), earned > 0.5, 0.5))
    return made


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ([True] * 8, 1.0),
        ([True] * 4, 0.5),
        ([True] * 8 + [False] * 8, 0.5),
        ([True] * 2 + [False] * 2, 0.125),
        ([False] * 3, 0.0),
        ([], 0.0),
    ],
)
def test_a_problem_counts_by_right_answers_up_to_eight_and_their_share_of_those_kept(
    found: list[bool], value: float
):
    assert balance(found, 8) == value


def test_the_threshold_that_keeps_right_answers_alone_is_found():
    found = balanced(answers("a", (5, 1.0), (6, 1.0), (7, 0.2), (8, 0.0)), 4)
    assert found is not None
    assert (found.threshold, found.score) == (1.0, 0.5)
    assert [each.attempt.reward for each in found.taken] == [1.0, 1.0]


def test_a_threshold_that_leaves_problems_empty_pays_for_them():
    easy, hard = answers("a", (5, 1.0), (6, 0.9)), answers("b", (5, 0.6), (6, 0.0))
    found = balanced([*easy, *hard], 2)
    # kept above 0.6: (1 and 0.5) / 2; from 0.9 on (1 and 0) / 2
    assert found is not None
    assert (found.threshold, found.score) == (0.6, 0.75)


def test_the_same_answer_is_counted_and_kept_once():
    found = balanced(answers("a", (5, 1.0), (5, 1.0), (6, 1.0)), 4)
    assert found is not None
    assert found.score == 0.5
    assert len(found.taken) == 2


def test_of_equal_thresholds_the_lowest_is_taken_and_of_nothing_nothing():
    found = balanced(answers("a", (5, 1.0), (6, 0.7)), 1)
    assert found is not None
    assert found.threshold == 0.7
    assert balanced([], 1) is None


def drawn(step: int, earned: tuple[float, ...]) -> tuple[list[Judged], dict[int, Episode]]:
    """What `kept` makes, with these rewards: two of four are right."""
    made, episodes = kept(step)
    changed: list[Judged] = []
    for each, amount in zip(made, earned, strict=True):
        of = each.attempt._replace(reward=amount, payoff=amount)
        credited = each.credited._replace(sample=each.sample._replace(attempt=of))
        changed.append(Judged(credited, amount > 0.5, 0.5))
    return changed, episodes


def test_a_stock_gives_back_what_earned_the_threshold(tmp_path: Path):
    stock = opened(tmp_path, "stock.age=1", "stock.balance=2")
    stock.write(0, *drawn(0, (1.0, 0.0, 1.0, 0.0)))
    assert [each.attempt.reward for each in stock.given(1)] == [1.0, 1.0]
    assert stock.balance
    assert (stock.balance.threshold, stock.balance.score) == (1.0, 1.0)


def test_a_phase_plays_at_the_temperature_of_its_best_balanced_trial(tmp_path: Path):
    stock = opened(tmp_path, "stock.balance=2")
    for step, earned in enumerate([(1.0, 0, 0, 0), (1.0, 1.0, 0, 0), (1.0, 1.0, 1.0, 0)]):
        stock.write(step, *drawn(step, earned))
    config = override(Config(), ["stock.keep=true", "stock.balance=2"])
    # balances: a half, 1 and 1; of equals the first
    assert warmth(config, tmp_path, 3, [0.5, 0.7, 0.9]) == 0.7


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["stock.trials=2"], "set stock.keep = true and stock.balance"),
        (["stock.keep=true", "stock.balance=1", "stock.trials=2"], "the run has none"),
    ],
)
def test_trials_need_a_stock_a_balance_and_steps_before_them(settings: list[str], said: str):
    with pytest.raises(ConfigError, match=said):
        stages(override(Config(), settings))


def test_trials_that_are_not_played_by_then_are_refused():
    early = replace(recipe("b-star"), phases=recipe("b-star").phases[4:])
    with pytest.raises(ConfigError, match=r"phase 1 of the run compares stock\.trials = 4"):
        stages(early)
