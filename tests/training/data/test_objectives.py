"""Which samples an objective takes, and with which weights."""

import math

import pytest
from sparring.training.config import Config, ConfigError, Objective
from sparring.training.data.advantage import Centre, Credited
from sparring.training.data.objectives import (
    NothingToLearnError,
    chosen,
    judged,
    lessons,
    pairs,
    rows,
    signed,
)
from sparring.training.settings import override

from ..conftest import attempt, sample

RANGES = {"g-v0": (0.0, 1.0)}


def played(*rewards, group="g", role="first", tokens=None, advantages=None):
    """Samples of one group and turn, paid so; each says another token."""
    made = []
    for index, reward in enumerate(rewards):
        said = (tokens or range(5, 50))[index]
        one = sample([2, 3, said], (2, 3))
        span = one.spans[0]._replace(earned=reward)
        of = attempt(index, group=group, role=role, payoff=reward, reward=reward)
        amount = reward if advantages is None else advantages[index]
        made.append(Credited(one._replace(attempt=of, spans=(span,)), (Centre(0.0),), (amount,)))
    return made


def learned(samples, *settings):
    objective = override(Config(), settings).objective
    return rows(judged(samples, objective, RANGES), objective)


def taken(samples, **settings):
    objective = Objective(kind="imitate", **settings)
    return [of.episode for of in sorted(chosen(judged(samples, objective, RANGES), objective))]


@pytest.mark.parametrize(
    ("settings", "factors"),
    [
        ({"positive": 1.0, "negative": 0.0}, (2.0, 0.0)),
        ({"positive": 0.0, "negative": 1.0}, (0.0, -3.0)),
        ({"positive": 0.1, "negative": 1.0}, (0.2, -3.0)),
        ({}, (2.0, -3.0)),
    ],
    ids=["PSR", "NSR", "W-REINFORCE", "REINFORCE"],
)
def test_signs_multiply_advantages(settings, factors):
    found = signed(played(1, 0, advantages=(2.0, -3.0)), Objective(**settings))
    assert tuple(each.advantages[0] for each in found) == pytest.approx(factors)


def test_right_is_above_its_share_of_the_range_whatever_payoffs_are_scaled_by():
    for scale in (1.0, 10.0):
        samples = played(*[scale * paid for paid in (0.0, 0.5, 0.6, 1.0)])
        found = judged(samples, Objective(), {"g-v0": (0.0, scale)})
        assert [each.right for each in found] == [False, False, True, True]
        assert {each.rate for each in found} == {0.5}


def test_an_attempt_of_several_samples_counts_once_in_its_groups_rate():
    (right, wrong) = played(1, 0)
    again = right._replace(sample=right.sample._replace(tokens=(2, 3, 4, 5)))
    found = judged([right, again, wrong], Objective(), RANGES)
    assert {each.rate for each in found} == {0.5}


def test_imitation_takes_the_right_the_best_or_those_above_the_mean():
    samples = played(0.0, 1.0, 0.75, 1.0)
    assert taken(samples) == [1, 2, 3]
    assert taken(samples, choose="best") == [1], "of equals the first"
    assert taken(samples, choose="best", best=3) == [1, 2, 3]
    assert taken(samples, choose="above_mean") == [1, 2, 3]
    assert taken(played(1.0, 1.0), choose="above_mean") == []
    assert taken(samples, choose="all") == [0, 1, 2, 3]
    assert taken(samples, choose="all", roles=("second",)) == []


def test_above_average_compares_with_all_of_a_role_and_not_with_a_group():
    samples = played(0.1, 0.2, group="a") + played(0.8, 0.9, group="b") + played(1.0, group="c")
    # by episode inside each group: the better of a and of b; both of b, and c alone
    assert taken(samples, choose="above_mean") == [1, 1]
    assert taken(samples, choose="above_average") == [0, 1, 0]


def test_the_best_are_those_of_each_group():
    samples = played(0.1, 0.2, group="a") + played(0.8, 0.9, group="b")
    objective = Objective(kind="imitate", choose="best")
    found = chosen(judged(samples, objective, RANGES), objective)
    assert {(of.group, of.reward) for of in found} == {("a", 0.2), ("b", 0.9)}


def test_only_chosen_samples_are_rows_of_imitation():
    found = learned(played(0, 1), "objective.kind=imitate", "objective.weight=2")
    (row,) = found
    assert (row.sample.attempt.reward, row.gradient, row.imitate) == (1, (0.0,), (2.0,))


def test_imitation_by_what_was_earned_weighs_turns_and_never_below_zero():
    """SPAG's winner at a discount of .8: the last turn 1, the one before .8; a loser's turns nothing."""
    (winner, loser) = played(1, 0)
    spans = (winner.sample.spans[0]._replace(earned=0.8), loser.sample.spans[0]._replace(earned=-1))
    samples = [
        each._replace(sample=each.sample._replace(spans=(span,)))
        for each, span in zip((winner, loser), spans, strict=True)
    ]
    found = learned(
        samples, "objective.kind=imitate", "objective.choose=all", "objective.weigh=earned"
    )
    assert [row.imitate for row in found] == [(0.8,), (0.0,)]


def test_beside_the_gradient_all_samples_stay_and_the_chosen_are_imitated_too():
    found = learned(played(0, 1, advantages=(-1.0, 1.0)), "objective.imitate=0.3")
    assert [(row.gradient, row.imitate) for row in found] == [((-1.0,), (0.0,)), ((1.0,), (0.3,))]


@pytest.mark.parametrize(
    ("balance", "weight"), [("dr_grpo", 0.25), ("grpo", math.sqrt(1 / 3)), ("none", 1.0)]
)
def test_nft_weighs_groups_by_their_rate(balance, weight):
    found = learned(played(1, 1, 0, 1), "objective.kind=nft", f"objective.balance={balance}")
    assert [row.gradient[0] for row in found] == pytest.approx([weight, weight, -weight, weight])
    assert {row.rates for row in found} == {(0.75,)}


def test_nft_learns_nothing_of_groups_that_are_all_right_or_all_wrong():
    for paid in (0, 1):
        found = learned(played(paid, paid), "objective.kind=nft")
        assert [row.gradient for row in found] == [(0.0,), (0.0,)]


def test_the_name_that_says_most_decides_the_pull():
    made = sample([2, 3, 4, 9, 5], (1, 2), (2, 3), (4, 5))
    spans = tuple(span._replace(ordinal=i) for i, span in enumerate(made.spans, 1))
    one = Credited(made._replace(spans=spans), (Centre(0.0),) * 3, (0.0,) * 3)
    (row,) = learned(
        [one],
        "update.kl=1",
        "objective.pull.first=2",
        "objective.pull.turn-2=0.5",
        "objective.pull.first/turn-3=0",
    )
    assert row.pull == (2.0, 0.5, 0.0)


def test_pairs_are_the_best_and_the_worst_of_each_prompt():
    samples = played(0.5, 1.0, 0.0) + played(1, 1, role="second")
    objective = Objective(kind="prefer")
    (pair,) = pairs(judged(samples, objective, RANGES), objective)
    assert [row.sample.attempt.reward for row in pair] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("samples", "settings", "said"),
    [
        (played(1.0), {"kind": "prefer"}, "set rollout.replicates to 2 or more"),
        (played(1.0, 1.0), {"kind": "prefer"}, "all answers earned the same"),
        (played(1.0, 0.0, tokens=(5, 5)), {"kind": "prefer"}, "or are the same"),
        (played(0.0, 0.0), {"kind": "imitate"}, "no outcome is right .above 0.5 of the range"),
        (played(1.0), {"kind": "imitate", "choose": "above_mean"}, "above the mean of its group"),
    ],
)
def test_an_objective_that_takes_nothing_says_what_is_missing(samples, settings, said):
    objective = Objective(**settings)
    taking = pairs if objective.kind == "prefer" else rows
    with pytest.raises(NothingToLearnError, match=f"step 7 has .*{said}"):
        taking(judged(samples, objective, RANGES), objective, 7)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["objective.kind=sft"], "objective.kind must be one of gradient, imitate, prefer"),
        (["objective.beta=-0.1"], "objective.beta must be from 1e-06 to 1,000; it is -0.1"),
        (["objective.epsilon=0"], "objective.epsilon must be from 1e-06 to 1"),
        (["objective.clip=-1"], "objective.clip must be from 0"),
        (["objective.choose=wrong"], "objective.choose must be one of right, best"),
        (["objective.positive=0", "objective.negative=0"], "nothing would be trained"),
        (["objective.weight=0"], "nothing would be trained"),
        (["objective.imitate=1", "objective.kind=imitate"], "imitates already"),
        (["objective.pull.turn-1=1"], "objective.pull weighs update.kl, which is 0"),
        (["update.kl=1", "objective.pull.turn-1=-1"], "objective.pull.turn-1 must be from 0"),
        (["update.kl=1", "objective.pull.turn-1=much"], "objective.pull.turn-1 must be a number"),
        (["stock.age=3"], "set stock.keep = true"),
        (["inside.certainty=1", "credits.spread=terminal"], "leaves credits out"),
        (["inside.entropy=1", "credits.named=right"], "credits.named does not name it"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        override(Config(), settings)


@pytest.mark.parametrize("kind", ["gradient", "imitate", "prefer", "nft", "topr"])
def test_of_several_learners_each_learns_from_its_own(kind):
    mine, others = played(0, 1, 0), played(1, 0, role="second")
    others = [
        each._replace(
            sample=each.sample._replace(attempt=each.sample.attempt._replace(learner="other"))
        )
        for each in others
    ]
    config = override(Config(), [f"objective.kind={kind}", "update.microbatches=2"])
    fresh = judged([*mine, *others], config.objective, RANGES)
    names = ["learner", "other"]
    batch = lessons(config, 0, fresh, [], learners=names, pad=0)
    whose = batch.tensors["learner"].tolist()
    for place, row in zip(whose, batch.rows, strict=True):
        assert {sample.attempt.learner for sample in row} <= {names[place]}
    assert set(whose) == {0, 1}
    assert len(batch.rows) % 2 == 0
    if kind == "prefer":
        # A mean over each learner's own pairs, whatever is padded.
        for place in (0, 1):
            own = batch.tensors["pairs"][batch.tensors["learner"] == place]
            assert float(own.sum()) == pytest.approx(len(batch.rows))


@pytest.mark.parametrize("kind", ["imitate", "prefer"])
@pytest.mark.parametrize("learners", [["learner"], ["learner", "other"]])
def test_a_later_step_that_gives_nothing_rests_and_a_first_one_is_refused(kind, learners):
    settings = [f"objective.kind={kind}", "objective.choose=above_mean", "update.microbatches=2"]
    config = override(Config(), settings)
    fresh = judged(played(1, 1, 1), config.objective, RANGES)
    with pytest.raises(NothingToLearnError, match="step 0"):
        lessons(config, 0, fresh, [], learners=learners, pad=0)
    batch = lessons(config, 5, fresh, [], learners=learners, pad=0)
    assert batch.rests
    assert len(batch.rows) == 4
    assert not batch.tensors["advantages"].any()
    assert not {"imitate", "pairs"} & batch.tensors.keys()


@pytest.mark.parametrize("stored", [False, True])
def test_in_a_later_round_a_first_step_or_one_of_the_stock_alone_rests_too(stored):
    """A round whose games were all alike ended the run, and with it the rounds to come."""
    settings = ["objective.kind=imitate", "objective.choose=above_mean"]
    config = override(Config(), settings)
    kept = judged(played(1, 1, 1), config.objective, RANGES)
    fresh, old = ([], kept) if stored else (kept, [])
    with pytest.raises(NothingToLearnError, match="nothing to imitate"):
        lessons(config, 0, fresh, old, learners=["learner"], pad=0)
    batch = lessons(config, 0, fresh, old, learners=["learner"], pad=0, idle=kept)
    assert batch.rests
    assert not batch.tensors["advantages"].any()


def test_a_learner_that_has_nothing_to_imitate_rests():
    mine, others = played(1, 1), played(0, 0, role="second")
    others = [
        each._replace(
            sample=each.sample._replace(attempt=each.sample.attempt._replace(learner="other"))
        )
        for each in others
    ]
    config = override(Config(), ["objective.kind=imitate"])
    fresh = judged([*mine, *others], config.objective, RANGES)
    names = ["learner", "other"]
    batch = lessons(config, 0, fresh, [], learners=names, pad=0)
    assert batch.tensors["learner"].tolist() == [0, 0]
    with pytest.raises(NothingToLearnError, match="step 0 has nothing to imitate"):
        lessons(config, 0, fresh[2:], [], learners=names, pad=0)
