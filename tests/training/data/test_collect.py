"""Who is trained on what: hand-made episodes with known samples."""

from dataclasses import replace
from typing import Any

import pytest
from sparring.agents.policy import ConstraintError
from sparring.envs.types import Ending, Episode, GameRef, Message, PolicyRef, Reply, Turn
from sparring.training.config import Credits, Spread
from sparring.training.data.collect import collect

ROLES = {"first": "first", "second": "second"}
ME, OTHER = PolicyRef("learner", "a"), PolicyRef("random")
GAME = GameRef("g-v0")


def turn(seat: str, prompt: tuple[int, ...], tokens: tuple[int, ...], **changes: object) -> Turn:
    reply = Reply(
        "x", tokens=tokens, logprobs=tuple(-0.1 * t for t in tokens), prompt_tokens=prompt
    )
    return Turn(seat, seat, (Message("game", str(prompt[:3])),), reply)._replace(**changes)


def episode(*turns: Turn, ending: Ending | None = None, **changes: object) -> Episode:
    seats = {"first": ME, "second": ME}
    made = Episode(
        GAME,
        5,
        0,
        seats,
        turns,
        {"first": 2.0, "second": -2.0},
        ending or Ending("outcome"),
    )
    return replace(made, **changes)


def gather(*episodes: Episode, settings: Credits | None = None, **more: Any):
    return collect(
        enumerate(episodes), settings or Credits(), learner="learner", role_of=ROLES, **more
    )


def test_turns_whose_tokens_extend_each_other_merge_and_context_is_never_trained():
    game = episode(
        turn("first", (1, 2), (3,)),
        turn("second", (9,), (8,)),
        turn("first", (1, 2, 3, 4, 5), (6, 7)),
    )
    first, second = gather(game)
    assert first.tokens == (1, 2, 3, 4, 5, 6, 7)
    assert first.sampled == (False, False, True, False, False, True, True)
    assert first.logprobs == pytest.approx((0, 0, -0.3, 0, 0, -0.6, -0.7))
    assert [(s.turn, s.start, s.stop) for s in first.spans] == [(0, 2, 3), (2, 5, 7)]
    assert second.tokens == (9, 8)


def test_a_sample_says_whose_it_is_and_which_weights_said_it():
    game = episode(turn("first", (1,), (2,)), turn("second", (3,), (4,)), seed=9, replicate=2)
    first, second = gather(game, version=7)
    of = first.attempt
    assert (of.version, of.seed, of.replicate, of.episode) == (7, 9, 2, 0)
    assert (of.payoff, first.spans[0].earned) == (2.0, 2.0)
    assert (second.attempt.payoff, second.spans[0].earned) == (-2.0, -2.0)


def test_turns_that_do_not_extend_each_other_stay_apart_but_are_one_attempt():
    game = episode(turn("first", (1, 2), (3,)), turn("first", (1, 2, 4), (6,)))
    found = gather(game)
    assert [s.tokens for s in found] == [(1, 2, 3), (1, 2, 4, 6)]
    assert len({s.attempt for s in found}) == 1


def test_the_innocent_side_of_a_forfeit_is_not_trained():
    game = episode(
        turn("first", (1,), (2,)),
        turn("second", (3,), (4,)),
        ending=Ending("forfeit", ("second",), "illegal", "illegal"),
        payoff={"first": 3.0, "second": -3.0},
    )
    found = gather(game)
    assert [s.attempt.seat for s in found] == ["second"]
    assert found[0].spans[0].earned == -3.0


def test_truncated_and_broken_games_are_not_trained():
    cut = episode(turn("first", (1,), (2,)), ending=Ending("truncated"))
    broken = episode(turn("first", (1,), (2,)), ending=Ending("error"), payoff={})
    assert not gather(cut, broken)
    assert len(gather(cut, broken, settings=Credits(truncated=True))) == 1


def test_opponents_and_scripted_replies_are_not_trained():
    turns = turn("first", (1,), (2,)), turn("second", (3,), (4,))
    game = episode(*turns, seats={"first": ME, "second": OTHER})
    found = gather(game)
    assert [(s.attempt.seat, s.attempt.opponent) for s in found] == [("first", "random")]
    silent = episode(turns[0]._replace(reply=Reply("check")))
    assert not gather(silent)


def test_only_the_roles_asked_for_are_trained():
    game = episode(turn("first", (1,), (2,)), turn("second", (3,), (4,)))
    found = gather(game, settings=Credits(trained=("second",)))
    assert {s.attempt.role for s in found} == {"second"}


def test_a_refused_try_that_was_made_good_pays_its_own_credit():
    game = episode(turn("first", (1,), (2,)), turn("first", (1, 2, 3), (4,), retry=1))
    (sample,) = gather(game)
    assert [(s.credit, s.earned) for s in sample.spans] == [(-1.0, 1.0), (0.0, 2.0)]
    assert sample.attempt.reward == 1.0


@pytest.mark.parametrize(
    ("spread", "earned"), [("terminal", [2, 2]), ("to_go", [2.75, 2.5]), ("turn", [2.25, 2.5])]
)
def test_named_credits_are_spread_as_the_settings_say(spread: Spread, earned: list[float]):
    game = episode(
        turn("first", (1,), (2,), credits={"a": 0.25}),
        turn("first", (1, 2, 3), (4,), credits={"b": 0.5}),
    )
    (sample,) = gather(game, settings=Credits(spread=spread))
    assert [s.earned for s in sample.spans] == earned


def test_payoffs_and_credits_are_scaled_together():
    game = episode(turn("first", (1,), (2,), credits={"a": 1.0}))
    assert gather(game, settings=Credits(scale=0.5))[0].attempt.reward == 1.5


def test_a_move_before_a_refused_try_is_not_taken_for_one():
    game = episode(
        turn("first", (1,), (2,)),
        turn("first", (1, 2, 3), (4,)),
        turn("first", (1, 2, 3, 4, 5), (6,), retry=1),
    )
    (sample,) = gather(game)
    assert [s.credit for s in sample.spans] == [0.0, -1.0, 0.0]


def test_a_refused_try_is_scaled_like_the_payoff():
    game = episode(turn("first", (1,), (2,)), turn("first", (1, 2, 3), (4,), retry=1))
    (sample,) = gather(game, settings=Credits(scale=0.5, failed_try=-3.0))
    assert [s.earned for s in sample.spans] == [-0.5, 1.0]


@pytest.mark.parametrize(("payoff", "earned"), [(True, [-3.0, -2.0]), (False, [-1.0, -1.0])])
def test_the_last_try_of_a_forfeit_is_paid_for_once_by_the_game_or_as_a_failed_try(payoff, earned):
    """Where payoffs did not count it earned 0, as much as a false answer."""
    game = episode(
        turn("second", (1,), (2,)),
        turn("second", (1, 2, 3), (4,), retry=1),
        ending=Ending("forfeit", ("second",), "illegal", "illegal"),
    )
    (sample,) = gather(game, settings=Credits(spread="turn", payoff=payoff))
    assert [s.earned for s in sample.spans] == earned


def test_only_the_named_credits_count():
    game = episode(turn("first", (1,), (2,), credits={"a": 0.25, "b": 8.0}))
    assert gather(game, settings=Credits(named=("a",)))[0].attempt.reward == 2.25


def test_judges_are_not_trained_even_where_the_learner_sits_there():
    game = episode(turn("first", (1,), (2,)), turn("second", (3,), (4,)))
    assert {s.attempt.seat for s in gather(game, judges=("second",))} == {"first"}


def test_who_judges_is_no_opponent():
    game = episode(turn("first", (1,), (2,)), seats={"first": ME, "second": OTHER})
    assert [s.attempt.opponent for s in gather(game, judges=("second",))] == ["self"]


def test_a_turn_held_to_its_choices_is_refused():
    held = turn("first", (1,), (2,))
    held = held._replace(reply=replace(held.reply, unconstrained=(-0.5,)))
    with pytest.raises(ConstraintError, match="turn 0 of first was drawn among its choices"):
        gather(episode(held))


def test_episodes_that_come_out_of_order_are_collected_in_issue_order():
    one, two = (
        episode(turn("first", (1,), (2,)), seed=1),
        episode(turn("first", (1,), (2,)), seed=2),
    )
    found = collect([(1, two), (0, one)], Credits(), learner="learner", role_of=ROLES)
    assert [s.attempt.seed for s in found] == [1, 2]


def test_same_prompts_share_a_group_and_other_prompts_do_not():
    one, two = episode(turn("first", (1,), (2,))), episode(turn("first", (1,), (3,)))
    third = episode(turn("first", (7,), (3,)))
    groups = [s.attempt.group for s in gather(one, two, third)]
    assert groups[0] == groups[1] != groups[2]


def test_games_that_go_alike_share_what_they_teach_and_are_told_apart_by_what_they_paid():
    one, two = turn("first", (1, 2), (3,)), turn("second", (9,), (8,))
    # Minus 0 equals 0, and is written unlike.
    paid = [(2.0, -2.0), (2.0, -2.0), (0.0, 0.0), (-0.0, 0.0)]
    games = [
        episode(one, two, seed=seed, replicate=seed % 2, payoff={"first": a, "second": b})
        for seed, (a, b) in enumerate(paid)
    ]
    found = gather(*games)
    assert [(s.attempt.episode, s.attempt.seed, s.attempt.replicate) for s in found[::2]] == [
        (i, i, i % 2) for i in range(4)
    ]
    assert [str(s.attempt.payoff) for s in found[::2]] == ["2.0", "2.0", "0.0", "-0.0"]
    assert {s.attempt.seat for s in found[::2]} == {"first"}
    assert found[0].spans is found[2].spans
    assert found[0].spans is not found[4].spans

    # Another prompt with the same tokens is another group.
    other = one._replace(prompt=(Message("game", "elsewhere"),))
    first, _, again, _ = gather(games[0], episode(other, two))
    assert first.attempt.group != again.attempt.group


def test_games_whose_parameters_are_lists_are_told_apart_by_them():
    refs = [GameRef("g-v0", (("choices", [1, n]),)) for n in (2, 2, 3)]
    found = gather(*[episode(turn("first", (1, 2), (3,)), game=ref) for ref in refs])
    assert [s.attempt.game for s in found] == [
        "g-v0(choices=[1, 2])",
        "g-v0(choices=[1, 2])",
        "g-v0(choices=[1, 3])",
    ]
