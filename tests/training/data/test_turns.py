"""Credit by turn: self-correction's games, whose right and wrong answers are known, and what they teach."""

from dataclasses import replace
from itertools import pairwise

import pytest
from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.config import Credits
from sparring.training.data.collect import collect
from sparring.training.data.credit import credit
from sparring.training.data.earned import returns

ESTIMATORS = ("group", "loo", "whiten", "paired", "hierarchical")


def turn(ordinal: int, retry: int = 0, **credits: float) -> Turn:
    """One of the solver's turns; its prompt extends all that was said before."""
    before = 2 * ordinal + retry
    reply = Reply("f", "", (before,), (-0.1,), prompt_tokens=tuple(range(before)))
    return Turn("solver", "solver", (Message("game", "f"),), reply, retry=retry, credits=credits)


def corrected(*rights: int, alpha: float, seed: int = 0) -> Episode:
    """A game of self-correction: r at each turn, with the credits that `self-correct-v0` gives."""
    turns = [turn(1, right=rights[0])]
    for number, (before, after) in enumerate(pairwise(rights), 2):
        turns.append(turn(number, right=after, correction=alpha * (after - before)))
    return Episode(
        GameRef("self-correct-v0"),
        seed,
        0,
        {"solver": PolicyRef("learner", "a")},
        tuple(turns),
        {"solver": float(rights[-1])},
        Ending("outcome"),
    )


def learned(settings: Credits, *episodes: Episode) -> list[tuple[float, ...]]:
    """The advantages of each game's turns, under no baselines yet."""
    samples = collect(
        enumerate(episodes), settings, learner="learner", role_of={"solver": "solver"}
    )
    return [each.advantages for each in credit(samples, {}, settings)[0]]


SCORE = Credits(estimator="loo", spread="turn", payoff=False)
TO_GO = Credits(estimator="loo", spread="to_go")


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("spread", ["turn", "to_go", "terminal"])
@pytest.mark.parametrize("rights", [(0, 1), (1, 0), (1, 1), (0, 0)])
def test_a_game_alone_in_its_group_teaches_nothing_at_any_turn(estimator, spread, rights):
    settings = Credits(estimator=estimator, spread=spread)
    assert learned(settings, corrected(*rights, alpha=10)) == [(0, 0)]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_failed_try_alone_in_its_group_teaches_nothing(estimator):
    game = replace(corrected(1, alpha=0), turns=(turn(1), turn(1, retry=1, right=1.0)))
    for turns in (game.turns, (turn(1), turn(1, retry=1))):  # with credits, and without
        assert learned(Credits(estimator=estimator), replace(game, turns=turns)) == [(0, 0)]


def test_score_pays_turn_one_its_own_answer_and_turn_two_its_answer_and_the_bonus():
    games = [corrected(*rights, alpha=10) for rights in ((1, 0), (1, 1), (0, 1), (0, 0))]
    samples = collect(enumerate(games), SCORE, learner="learner", role_of={"solver": "solver"})
    earned = [tuple(span.earned for span in sample.spans) for sample in samples]
    assert earned == [(1, -10), (1, 1), (0, 11), (0, 0)]


def test_score_punishes_right_to_wrong_where_it_happens():
    lost, kept = learned(SCORE, corrected(1, 0, alpha=10), corrected(1, 1, alpha=10))
    assert lost == (0, -11)
    assert kept == (0, 11)


@pytest.mark.parametrize("games", [1, 2, 4])
def test_games_that_are_right_at_every_turn_teach_nothing(games):
    perfect = [corrected(1, 1, 1, alpha=1)] * games
    assert learned(TO_GO, *perfect) == [(0, 0, 0)] * games


def test_what_is_to_come_is_measured_against_the_same_turn_of_other_games():
    perfect, late = learned(TO_GO, corrected(1, 1, 1, alpha=1), corrected(0, 0, 1, alpha=1))
    assert perfect == (4 - 3, 3 - 3, 2 - 3)  # to go: 4, 3, 2 against 3, 3, 3
    assert late == (-1, 0, 1)


@pytest.mark.parametrize("estimator", ["group", "whiten"])
def test_each_turn_is_whitened_by_itself(estimator):
    settings = Credits(estimator=estimator, spread="turn", payoff=False)
    one, two = learned(settings, corrected(1, 0, alpha=0), corrected(0, 1, alpha=0))
    assert one == pytest.approx((1, -1))
    assert two == pytest.approx((-1, 1))


def test_running_baselines_are_kept_by_turn():
    settings = Credits(estimator="rae", spread="turn", payoff=False)
    samples = collect(
        enumerate([corrected(1, 0, alpha=0)]),
        settings,
        learner="learner",
        role_of={"solver": "solver"},
    )
    kept = credit(samples, {}, settings)[1]
    assert {key: b.value for key, b in kept.items()} == {
        "self-correct-v0 solver turn-1": pytest.approx(0.05),
        "self-correct-v0 solver turn-2": 0.0,
    }


def test_turns_of_a_game_without_credits_share_the_baseline_of_their_seat():
    game = replace(corrected(1, alpha=0), turns=(turn(1), turn(2)))
    samples = collect(enumerate([game]), Credits(), learner="learner", role_of={"solver": "solver"})
    assert set(credit(samples, {}, Credits())[1]) == {"self-correct-v0 solver"}


def test_two_difficulties_of_a_game_share_no_baseline_and_no_group():
    easy = corrected(1, alpha=0)
    hard = replace(corrected(0, alpha=0), game=GameRef("self-correct-v0", (("turns", 3),)))
    assert learned(Credits(estimator="loo"), easy, hard) == [(0,), (0,)]
    samples = collect(
        enumerate([easy, hard]), Credits(), learner="learner", role_of={"solver": "solver"}
    )
    assert {s.attempt.game for s in samples} == {"self-correct-v0", "self-correct-v0(turns=3)"}


def test_a_further_try_has_the_ordinal_of_its_turn():
    game = replace(corrected(1, alpha=0), turns=(turn(1), turn(1, retry=1), turn(2)))
    (sample,) = collect(
        enumerate([game]), Credits(), learner="learner", role_of={"solver": "solver"}
    )
    assert [(s.ordinal, s.retry) for s in sample.spans] == [(1, 0), (1, 1), (2, 0)]


def test_only_the_turns_asked_for_are_trained_and_what_follows_them_is_cut():
    game = corrected(1, 0, 1, alpha=1)
    for turns, spans, length in (((1,), [1], 3), ((2,), [2], 5), ((1, 3), [1, 3], 7)):
        (sample,) = collect(
            enumerate([game]),
            Credits(turns=turns),
            learner="learner",
            role_of={"solver": "solver"},
        )
        assert [s.ordinal for s in sample.spans] == spans
        assert len(sample.tokens) == len(sample.logprobs) == length


@pytest.mark.parametrize(
    ("spread", "earned"),
    [("terminal", [1, 2, 4]), ("to_go", [2.5, 3, 6]), ("turn", [2, 2, 6])],
)
def test_what_comes_later_is_discounted_by_turn(spread, earned):
    assert returns(4, [1, 0, 2], spread, discount=0.5) == earned


def test_tries_at_one_turn_lie_no_turn_apart():
    assert returns(4, [-1, 0, 0], "to_go", 0.5, [1, 1, 2]) == [1, 2, 4]


@pytest.mark.parametrize("estimator", ["group", "whiten"])
def test_failed_tries_of_attempts_that_earned_alike_are_not_divided_by_the_floor(estimator):
    settings = Credits(estimator=estimator, std_floor=1e-6)
    game = replace(corrected(1, alpha=0), turns=(turn(1), turn(1, retry=1)))
    # an attempt earns its payoff of 1 less 1 for the failed try, and its second try the payoff alone
    assert learned(settings, game, replace(game, replicate=1)) == [(0, 1)] * 2
