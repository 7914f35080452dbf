"""Streams of payoffs with known answers."""

import math
import random
from statistics import fmean
from typing import Any

import pytest
from sparring.training.config import Credits
from sparring.training.data import advantage
from sparring.training.data.advantage import Outcome, estimate

from ..conftest import attempt


def outcome(episode: int, reward: float, role: str = "first", **changes: object) -> Outcome:
    named = {"game": "kuhn-poker-v0", "role": role, "seat": role, **changes}
    return Outcome(attempt(episode, **named), reward)


def advantages(name: Any, outcomes: list[Outcome], baselines=None, **settings: Any) -> list[float]:
    centres, _ = estimate(outcomes, baselines or {}, Credits(estimator=name, **settings))
    return [c.advantage(o.earned) for c, o in zip(centres, outcomes, strict=True)]


def test_constant_pay_by_seat_leaves_no_advantage_to_either_seat():
    stream = [
        outcome(i, pay, role) for i in range(400) for role, pay in (("first", 2), ("second", -2))
    ]
    found = advantages("rae", stream)
    assert found[0] == 2
    assert found[1] == -2
    assert max(map(abs, found[-20:])) < 1e-6


def test_without_an_estimator_outcomes_are_measured_against_one_number():
    stream = [outcome(0, 2), outcome(1, 0), outcome(2, 2)]
    assert advantages("none", stream) == [2, 0, 2]
    assert advantages("none", stream, baseline=1.0) == [1, -1, 1]
    assert advantages("rae", stream[:1], baseline=1.0) == [2], "another estimator has its own"


def test_a_single_outcome_is_measured_against_the_baseline_before_it():
    centres, after = estimate(
        [outcome(0, 3)], {"kuhn-poker-v0 first": advantage.Baseline(1.0, 7)}, Credits()
    )
    assert centres[0].advantage(3) == 2
    assert after["kuhn-poker-v0 first"] == (pytest.approx(0.95 + 0.15), 8)


def test_order_of_arrival_changes_nothing_since_updates_follow_issue_order():
    rng = random.Random(3)
    stream = [
        outcome(i, rng.choice((-2, -1, 1, 2)), role)
        for i in range(256)
        for role in ("first", "second")
    ]
    mixed = rng.sample(stream, len(stream))
    _, straight = estimate(stream, {}, Credits())
    centres, shuffled = estimate(mixed, {}, Credits())
    assert straight == shuffled
    assert dict(zip(mixed, centres, strict=True)) == dict(
        zip(stream, estimate(stream, {}, Credits())[0], strict=True)
    )


def test_seats_of_one_role_make_one_update():
    solvers = [outcome(0, r, "solver", seat=f"solver_{i}") for i, r in enumerate((1.0, 0.0))]
    _, after = estimate(solvers, {}, Credits(decay=0.5))
    assert after["kuhn-poker-v0 solver"] == advantage.Baseline(0.25, 1)


def test_bias_correction_makes_the_first_average_the_first_reward():
    found = advantages("rae", [outcome(0, 2.0), outcome(1, 2.0)], bias_correction=True)
    assert found[1] == pytest.approx(0)


def test_baselines_are_kept_apart_by_opponent_when_asked():
    stream = [outcome(0, 1.0, opponent="a"), outcome(1, -1.0, opponent="b")]
    _, joint = estimate(stream, {}, Credits())
    _, apart = estimate(stream, {}, Credits(by_opponent=True))
    assert len(joint) == 1
    assert len(apart) == 2


def test_group_and_loo_never_mix_the_two_seats_of_a_game():
    stream = [
        outcome(i, pay, role) for i in range(4) for role, pay in (("first", 1.0), ("second", -1.0))
    ]
    for name in ("group", "loo"):
        assert advantages(name, stream) == [0.0] * 8


def test_loo_measures_against_the_others():
    assert advantages("loo", [outcome(0, 1.0), outcome(1, 0.0), outcome(2, 0.5)]) == [
        0.75,
        -0.75,
        0.0,
    ]
    assert advantages("loo", [outcome(0, 1.0)]) == [0.0]


def test_paired_compares_replicates_of_a_seed():
    stream = [
        outcome(i, r, seed=s) for i, (s, r) in enumerate([(7, 1.0), (7, 0.0), (8, 5.0), (8, 5.0)])
    ]
    assert advantages("paired", stream) == [1.0, -1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("group", {"game": "other-v0"}),
        ("group", {"role": "second"}),
        ("group", {"group": "another prompt"}),
        ("loo", {"game": "other-v0"}),
        ("loo", {"role": "second"}),
        ("loo", {"group": "another prompt"}),
        ("paired", {"game": "other-v0"}),
        ("paired", {"role": "second"}),
        ("paired", {"seed": 8}),
        ("whiten", {"game": "other-v0"}),
        ("whiten", {"role": "second"}),
        ("rae", {"game": "other-v0"}),
        ("rae", {"role": "second"}),
        ("hierarchical", {"game": "other-v0"}),
    ],
)
def test_outcomes_that_are_not_alike_are_never_measured_against_each_other(name, apart):
    mine = [outcome(i, reward, seed=7) for i, reward in enumerate((1.0, 0.0))]
    others = [
        outcome(i, reward, **{"seed": 7, **apart}) for i, reward in enumerate((50.0, 90.0), 2)
    ]
    assert advantages(name, mine + others)[:2] == advantages(name, mine)


def test_near_constant_outcomes_do_not_blow_up():
    stream = [outcome(i, 1.0 + 1e-9 * i) for i in range(8)]
    for name in ("group", "whiten"):
        assert max(map(abs, advantages(name, stream))) < 1e-6


def test_whiten_has_mean_zero_and_deviation_one_per_role():
    rng = random.Random(0)
    stream = [
        outcome(i, rng.gauss(mean, 3), role)
        for i in range(200)
        for role, mean in (("a", 5), ("b", -5))
    ]
    found = advantages("whiten", stream)
    for role in ("a", "b"):
        mine = [a for a, o in zip(found, stream, strict=True) if o.attempt.role == role]
        assert fmean(mine) == pytest.approx(0, abs=1e-9)
        assert fmean(x * x for x in mine) == pytest.approx(1)


def test_shrunk_weighs_the_running_baseline_as_some_further_outcomes():
    before = {"kuhn-poker-v0 first": advantage.Baseline(1.0, 100)}
    stream = [outcome(0, 0.0), outcome(1, 4.0), outcome(2, 2.0)]
    found = advantages("shrunk", stream, before, prior=6.0)
    assert found[0] == pytest.approx(0 - (6 / 8 * 1 + 2 / 8 * 3))
    assert advantages("shrunk", stream[:1], before) == [-1.0]


def test_hierarchical_compares_proposals_and_solvers_within_one():
    stream = [outcome(0, 1.0, "proposer"), outcome(1, 0.0, "proposer")]
    for episode, rewards in enumerate([(1.0, 0.0), (1.0, 1.0)]):
        stream += [outcome(episode, r, "solver", seat=f"solver_{i}") for i, r in enumerate(rewards)]
    assert advantages("hierarchical", stream) == [1.0, -1.0, 1.0, -1.0, 0.0, 0.0]


def test_split_among_workers_the_baselines_are_those_of_one():
    stream = [outcome(i, float(i % 3), role) for i in range(64) for role in ("first", "second")]
    _, one = estimate(stream, {}, Credits())
    merged = [o for worker in range(8) for o in stream if o.attempt.episode % 8 == worker]
    assert estimate(merged, {}, Credits())[1] == one


def test_state_survives_export_exactly():
    _, state = estimate([outcome(i, math.pi * i) for i in range(9)], {}, Credits())
    assert advantage.restore(advantage.export(state)) == state


def test_a_reward_that_is_not_finite_is_refused_by_name():
    with pytest.raises(ArithmeticError, match="first in kuhn-poker-v0 seed 4 is nan"):
        estimate([outcome(4, math.nan)], {}, Credits())


def test_equal_outcomes_count_as_often_as_they_came():
    stream = [outcome(i, reward) for i, reward in enumerate((1.0, 1.0, 1.0, 0.0))]
    assert advantages("loo", stream) == pytest.approx([1 / 3, 1 / 3, 1 / 3, -1.0])
    settled = advantages("group", stream)
    assert settled[0] / settled[3] == pytest.approx(0.25 / -0.75)
