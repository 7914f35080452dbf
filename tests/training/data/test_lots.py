"""Samples of games that went alike are held once, and are what they would be each by itself, to the bit."""

import random
from types import MappingProxyType

import pytest
import torch
from sparring.training.config import Credits, Objective
from sparring.training.data.advantage import ESTIMATORS, Baseline
from sparring.training.data.batch import pack
from sparring.training.data.collect import collect
from sparring.training.data.credit import credit
from sparring.training.data.lots import Lot, Some
from sparring.training.data.objectives import judged, pairs, rows, signed

from ..conftest import attempt, sample
from .test_collect import ROLES, episode, turn

RIGHT, WRONG = (MappingProxyType({"right": amount}) for amount in (1.0, 0.0))
FIRST = {word: turn("first", (1, 2), (word,)) for word in (3, 4)}
SECOND = {word: turn("second", (9,), (word,)) for word in (7, 8)}
AGAIN = {
    (said, apart): turn("first", (30,) if apart else (1, 2, said, 5), (6,))
    for said in FIRST
    for apart in (True, False)
}
"""The first seat's second turn: a sample of its own where its prompt does not go on from the first."""


def games(count=240, *, credits=False):
    """Games of few kinds, in which both seats speak, the first of them once or twice."""
    rng = random.Random(5)
    found = []
    for number in range(count):
        said = rng.choice([*FIRST])
        turns = [FIRST[said], rng.choice([*SECOND.values()])]
        if rng.random() < 0.5:
            turns.append(AGAIN[said, rng.random() < 0.5])
        if credits:
            earned = rng.choice((RIGHT, WRONG))
            turns = [each._replace(credits=earned) for each in turns]
        paid = rng.choice((2.0, -1.0, 0.1))
        payoff = {"first": paid, "second": -paid}
        found.append(episode(*turns, seed=number // 2, replicate=number % 2, payoff=payoff))
    return found


def gathered(settings, **more):
    made = games(**more)
    return collect(enumerate(made, 100), settings, learner="learner", role_of=ROLES)


def same(one, two):
    """Equal, and written alike: −0 equals 0."""
    return list(map(repr, one)) == list(map(repr, two))


@pytest.mark.parametrize("more", [{}, {"discount": 0.9}, {"spread": "turn"}, {"scale": 3.0}])
@pytest.mark.parametrize("credits", [False, True])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_gives_a_lot_what_it_gives_a_list(name, credits, more):
    settings = Credits(estimator=name, **more)
    lot = gathered(settings, credits=credits)
    assert len(lot) > 2 * len(lot.kinds) > 0
    assert max(map(len, lot.attempts)) == 2, "some attempts are two samples"

    before = {"g-v0 first": Baseline(0.3, 7)}
    found, kept = credit(lot, before, settings)
    wanted, moved = credit(list(lot), before, settings)
    assert same(found, wanted)
    assert kept == moved
    assert (kept != before) == (name in ("rae", "shrunk"))
    assert len({each.advantages for each in found}) > 1


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"positive": 0.1},
        {"weight": 2.0},
        {"imitate": 0.5},
        {"pull": {"first": 0.5}},
        {"kind": "imitate", "choose": "best", "best": 2},
        {"kind": "nft"},
        {"kind": "topr"},
    ],
    ids=str,
)
@pytest.mark.parametrize("loss", ["dapo", "dr_grpo", "grpo"])
def test_every_objective_packs_a_lot_as_it_packs_a_list(settings, loss):
    objective = Objective(**settings)
    trained, _ = credit(gathered(Credits()), {}, Credits())
    ranges = {"g-v0": (-2.0, 2.0)}
    found = judged(signed(trained, objective), objective, ranges)
    wanted = judged(signed(list(trained), objective), objective, ranges)
    assert same(found, wanted)
    assert same(rows(found, objective), rows(wanted, objective))

    one, two = (
        pack(rows(each, objective), loss=loss, pad=0, fold=True) for each in (found, list(wanted))
    )
    assert one.tensors.keys() == two.tensors.keys()
    assert all(torch.equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    assert [list(row) for row in one.rows] == [list(row) for row in two.rows]


def test_pairs_of_a_lot_are_those_of_a_list():
    objective = Objective(kind="prefer")
    trained, _ = credit(gathered(Credits()), {}, Credits())
    found = judged(trained, objective, {"g-v0": (-2.0, 2.0)})
    assert pairs(found, objective) == pairs(list(found), objective)


def test_an_attempt_of_two_samples_counts_once_in_its_groups_rate():
    """Two attempts, one of which fell into two samples, are right; one is wrong: 2 of 3."""
    two, one = (FIRST[3], AGAIN[3, True]), (FIRST[3],)
    made = [
        episode(*turns, payoff={"first": paid, "second": 0.0})
        for turns, paid in ((two, 1.0), (two, 1.0), (one, -1.0))
    ]
    samples = collect(enumerate(made), Credits(), learner="learner", role_of=ROLES)
    trained, _ = credit(samples, {}, Credits(estimator="none"))
    found = judged(trained, Objective(), {"g-v0": (-1.0, 1.0)})
    assert [(each.right, round(each.rate, 4)) for each in found] == [(True, 0.6667)] * 4 + [
        (False, 0.6667)
    ]
    assert len(found.kinds) == 3


def three():
    """Two kinds: the first in games 0 and 2, the second in game 1."""
    kinds = [sample([5, 6], (1, 2)), sample([5, 7], (1, 2), episode=1)]
    return Lot(kinds, [0, 1, 0], [(0, 0, 0), (1, 1, 0), (2, 8, 4)])


def test_a_value_is_its_kind_in_its_own_game():
    lot = three()
    assert len(lot) == 3
    assert [each.tokens for each in lot] == [(5, 6), (5, 7), (5, 6)]
    assert lot[2].attempt == attempt(2, seed=8, replicate=4)
    assert lot[:2] == lot.kinds


def test_what_is_left_of_a_lot_has_no_kind_that_is_gone():
    lot = three().where(lambda each: each.tokens == (5, 7))
    assert [each.attempt.episode for each in lot] == [1]
    assert len(lot.kinds) == 1
    assert three().picked([2, 0])[0].attempt.seed == 8


def test_lots_are_joined_one_after_the_other():
    lot = Lot.joined([three(), three().where(lambda each: each.tokens == (5, 7)), three()])
    assert [each.tokens[1] for each in lot] == [6, 7, 6, 7, 6, 7, 6]
    assert [each.attempt.episode for each in lot] == [0, 1, 2, 1, 0, 1, 2]


def test_a_list_is_a_lot_in_which_each_is_its_own_kind():
    values = list(three())
    lot = Lot.over(values)
    assert list(lot) == values
    assert lot.of == range(3)
    assert Lot.over(lot) is lot


def test_some_of_a_lot_are_looked_up_late_and_are_a_lot_of_their_own_kinds():
    lot = three()
    some = Some(lot, [2, 1])
    assert len(some) == 2
    assert [each.attempt.seed for each in some] == [8, 1]
    assert list(some[1:]) == [lot[1]]
    assert list(Lot.over(some)) == [lot[2], lot[1]]
    assert len(Lot.over(Some(lot, [0, 2])).kinds) == 1
