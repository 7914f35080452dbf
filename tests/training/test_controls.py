"""Control arms pay what knows nothing of the games, whatever was earned in them."""

from __future__ import annotations

from sparring.envs.types import EndingKind
from sparring.training.config import Credits
from sparring.training.data.advantage import Outcome
from sparring.training.data.samples import Attempt
from sparring.training.experiments.controls import format_only, random_reward


def outcome(seed, earned, ending: EndingKind = "outcome"):
    attempt = Attempt(
        "nim-v0", "first", "first", "second", "g", seed, seed, 0, earned, earned, False, 0, ending
    )
    return Outcome(attempt, earned)


def advantages(estimator, outcomes):
    centres, _ = estimator(outcomes, {}, Credits())
    return [round(c.advantage(o.earned), 9) for c, o in zip(centres, outcomes, strict=True)]


def test_a_coin_is_the_same_whatever_was_earned_and_falls_both_ways():
    lost, won = ([outcome(seed, amount) for seed in range(200)] for amount in (-1.0, 3.0))
    coins = advantages(random_reward, lost)
    assert coins == advantages(random_reward, won)
    assert set(coins) == {1.0, -1.0}
    assert 60 < coins.count(1.0) < 140


def test_form_is_paid_against_the_mean_and_winning_is_not():
    played = [outcome(0, -1.0), outcome(1, 1.0), outcome(2, 1.0), outcome(3, -2.0, "forfeit")]
    assert advantages(format_only, played) == [0.25, 0.25, 0.25, -0.75]
