"""Groups that are left out of training, and the price of proposals that are alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sparring.envs.registry import find
from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.config import Config, ConfigError, Credits, Filters, games
from sparring.training.data.collect import collect
from sparring.training.data.filters import charges, filtered, payer
from sparring.training.data.lots import Lot
from sparring.training.data.samples import Sample

SUMS = find("sums-v0", attempts=2)
ROLES = SUMS.role_of
ME = PolicyRef("learner", "a")


def episode(number: int, paid: tuple[float, float]) -> Episode:
    """Both solvers of one problem, which its number names."""
    seats = dict.fromkeys(ROLES, ME)
    turns = [
        Turn(
            seat,
            "solver",
            (Message("game", f"problem {number}"),),
            Reply("x", tokens=(number + 1, i + 50), logprobs=(0.0, 0.0), prompt_tokens=(7,)),
        )
        for i, seat in enumerate(ROLES)
    ]
    payoff = dict(zip(ROLES, paid, strict=True))
    return Episode(GameRef("sums-v0"), 5, 0, seats, tuple(turns), payoff, Ending("outcome"))


def gathered(*paid: tuple[float, float], scale: float = 1.0) -> Lot[Sample]:
    episodes = [episode(number, each) for number, each in enumerate(paid)]
    return collect(enumerate(episodes), Credits(scale=scale), learner="learner", role_of=ROLES)


def test_groups_whose_outcomes_are_all_alike_are_dropped_and_counted():
    samples = gathered((1, 1), (0, 1), (0, 0))
    kept, dropped = filtered(samples, Filters(alike=True), SUMS)
    assert {each.attempt.episode for each in kept} == {1}
    assert dropped == {"solver": 4}


@pytest.mark.parametrize("scale", [1.0, 10.0])
def test_groups_outside_the_band_of_solve_rates_are_dropped(scale):
    samples = gathered((1, 1), (0, 1), (0, 0), scale=scale)
    kept, _ = filtered(samples, Filters(low=0.3), SUMS, scale)
    assert {each.attempt.episode for each in kept} == {0, 1}


def test_a_solve_rate_is_the_share_that_is_right_whatever_a_wrong_answer_is_paid():
    game = find("sums-propose-v0", attempts=2)
    samples = gathered((1, -0.5)).where(lambda sample: sample.attempt.role == "solver")
    assert filtered(samples, Filters(low=0.5, high=0.5), game)[0] is samples


def test_filters_leave_roles_alone_that_they_do_not_name():
    samples = gathered((1, 1), (0, 0))
    assert filtered(samples, Filters(alike=True, roles=("proposer",)), SUMS) == (samples, {})


def proposal(text: str) -> Episode:
    return Episode(GameRef("q-v0"), 1, 0, {}, (), {}, Ending("outcome"), kept=(("question", text),))


def test_a_proposal_pays_for_its_clusters_share_of_the_whole_step():
    same = "What is two plus two?"
    step = [same, "Name the longest river of Asia.", "what IS two plus two", "Who wrote Emma?"]
    owed = charges(enumerate(map(proposal, step), 40), Filters(charge=2.0), SUMS)
    assert owed == pytest.approx({40: 1.0, 41: 0.5, 42: 1.0, 43: 0.5})


def test_a_charge_is_taken_from_what_the_seat_is_paid_and_from_no_other():
    game = episode(3, (1.0, 1.0))
    seat = next(iter(ROLES))
    samples = collect(
        [(3, game)],
        Credits(scale=10),
        learner="learner",
        role_of=ROLES,
        charges={(3, seat): 0.25},
    )
    assert {each.attempt.seat: each.attempt.reward for each in samples} == {
        seat: 7.5,
        **{other: 10.0 for other in ROLES if other != seat},
    }
    assert {each.attempt.payoff for each in samples} == {10.0}


def test_who_proposes_is_the_role_with_a_single_seat():
    assert payer(find("code-deduction-v0")) == "proposer"


@pytest.mark.parametrize(
    ("parameters", "low"),
    [
        ({"attempts": 4}, 0.25),
        ({"attempts": 8, "label": "swapped"}, 0.2),
        ({"attempts": 1}, 0.9),
    ],
)
def test_a_band_that_takes_votes_of_one_is_refused(parameters, low):
    config = Config(game="question-answer-v0", parameters=parameters, filters=Filters(low=low))
    with pytest.raises(ConfigError, match="no two of"):
        games(config)
    assert games(replace(config, filters=Filters(low=low + 0.1 if low < 0.9 else 0)))


def test_a_band_of_rates_by_a_key_may_begin_at_one_of_n():
    parameters = {"attempts": 8, "label": "gold"}
    assert games(Config(game="sums-v0", parameters=parameters, filters=Filters(low=0.1)))
