"""Proposer rewards as published, and their zero points."""

import math

import pytest
from sparring.envs.tasks.pay import (
    PROPOSER_REWARDS,
    proposer_reward,
    repetition_share,
)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("paper", {0: 0, 0.25: 0.75, 1: 0}),
        ("released", {0: -0.5, 0.25: 0.75, 1: -0.5}),
        ("variance", {0: 0, 0.5: 1, 0.25: 0.75, 1: 0}),
        ("gaussian", {0.5: 1, 0.25: math.exp(-(0.0625**2) / 0.02), 0: math.exp(-(0.25**2) / 0.02)}),
        ("tent", {0: 0, 0.25: 0.25, 0.75: 0.25, 1: 0}),
        ("neither_end", {0: 0, 0.125: 1, 0.875: 1, 1: 0}),
    ],
)
def test_values(name, at):
    assert {p: proposer_reward(name)(p) for p in at} == at


def test_no_reward_but_the_gaussian_pays_for_a_task_that_all_solve_or_none():
    paid = {name for name, pay in PROPOSER_REWARDS.items() if max(pay(0), pay(1)) > 0}
    assert paid == {"gaussian"}


def test_a_cluster_is_joined_through_its_members():
    close = [
        [True, True, False, False],
        [True, True, True, False],
        [False, True, True, False],
        [False] * 3 + [True],
    ]
    assert [repetition_share(i, close) for i in range(4)] == [0.75, 0.75, 0.75, 0.25]
