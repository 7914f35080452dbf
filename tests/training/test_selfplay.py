"""A step of self-play: whose games, on which seeds, against which baselines."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from sparring.envs.registry import find
from sparring.envs.types import Ending
from sparring.sandbox.choose import Lazy
from sparring.training.players.learner import loaded
from sparring.training.recipes import configured
from sparring.training.selfplay import SelfPlay
from sparring.training.step import NOTHING, RESTS, EmptyStepError, LostGamesError
from sparring.training.timed import Timed


@pytest.fixture
def playing():
    """Makes a SelfPlay of eight games a step under further settings."""
    loop = asyncio.new_event_loop()

    def made(*settings: str) -> SelfPlay:
        config = configured("spiral", None, ["rollout.games=8", *settings])
        game = find(config.game)
        policy = loaded(config, game)
        return SelfPlay(config, [game], policy, loop=loop, verifier=Timed(Lazy()))

    yield made
    loop.close()


def test_baselines_go_on_from_step_to_step(playing):
    play = playing()
    seen: Counter[str] = Counter()
    for step in range(2):
        play.batch(step)
        assert play.last
        attempts = {each.sample.attempt for each in play.last.trained}
        seen.update(f"{of.game} {of.role}" for of in attempts)
        assert {of.episode // 8 for of in attempts} == {step}, "counted over all steps"
    assert {key: kept.updates for key, kept in play.baselines.items()} == seen


def test_credited_is_what_was_earned_beyond_the_centre(playing):
    play = playing()
    play.batch(0)
    step = play.last
    assert step
    for sample, centres, advantages in step.trained:
        of = sample.attempt
        assert of.payoff == step.episodes[of.episode].payoff[of.seat]
        earned = [span.earned for span in sample.spans]
        assert advantages == tuple(a - c.baseline for a, c in zip(earned, centres, strict=True))


def test_no_seed_of_training_comes_twice_or_is_one_that_ratings_count_up_to(playing):
    seeds = [
        match.seed
        for play in (playing(), playing("seed=1"))
        for step in (0, 1)
        for match in play.matches(step)
    ]
    assert len(set(seeds)) == 32
    assert min(seeds) >= 1 << 48


def test_replicates_share_a_seed_and_differ_in_their_noise(playing):
    matches = playing("rollout.replicates=4").matches(0)
    assert sorted(Counter(match.seed for match in matches).values()) == [4, 4]
    assert [match.replicate for match in matches] == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("setting", ['games=[{id="kuhn-poker-v0",max_tokens=4}]', "seed=1"])
def test_a_learners_seats_are_one_policy_so_that_they_are_asked_in_one_batch(playing, setting):
    matches = playing(setting).matches(0)
    assert len({id(policy) for match in matches for policy in match.seats.values()}) == 1


def test_rows_are_folded_only_where_the_policy_that_sampled_is_the_one_that_learns(playing):
    folded, apart = (
        playing("rollout.games=64").batch(0),
        playing("rollout.games=64", "update.iterations=2"),
    )
    rows = apart.batch(0).rows
    assert len(folded.rows) < len(rows)
    assert all(len(row) == 1 for row in rows)


def test_every_step_plays_under_a_reference_of_its_own(playing):
    play = playing()
    refs = []
    for step in range(2):
        play.batch(step)
        refs.append(play.policy.ref)
    assert [ref.name for ref in refs] == ["learner", "learner"]
    assert refs[0].id != refs[1].id


def test_credits_alone_of_a_game_that_gives_none_are_nothing_to_train_on(playing):
    with pytest.raises(EmptyStepError, match="its games gave no credit"):
        playing("credits.payoff=false").batch(0)


def test_a_step_whose_proposals_were_all_refused_says_so(playing):
    """Where solvers alone are trained, it said that its games ended by `outcome`."""
    play = playing(
        "game=question-answer-v0", "parameters={attempts=2}", 'credits.trained=["solver"]'
    )
    with pytest.raises(
        EmptyStepError, match=r"no role that is trained was asked \(proposals: unrea"
    ):
        play.batch(0)


def test_a_later_step_without_anything_to_train_on_rests_and_is_counted(playing):
    play = playing(
        "game=question-answer-v0", "parameters={attempts=2}", 'credits.trained=["solver"]'
    )
    assert "rested" not in play.state()
    for count in range(1, RESTS + 1):
        assert play.batch(count) is NOTHING
        assert play.state()["rested"] == count
    again, phase = (playing("game=question-answer-v0", "parameters={attempts=2}") for _ in "12")
    again.restore(play.state())
    phase.carry(play.state(), steps=RESTS)
    assert again.rested == phase.rested == RESTS == 10
    with pytest.raises(EmptyStepError, match="as had the 10 steps before it: no role that"):
        play.batch(RESTS + 1)


def test_a_step_that_can_be_trained_on_ends_the_count_of_those_that_rested(playing):
    play = playing()
    play.rested = 4
    play.batch(5)
    assert play.rested == 0
    assert "rested" not in play.state()


def test_a_step_that_lost_many_games_to_its_engine_is_not_trained_on(playing, monkeypatch):
    play = playing()
    episodes = play.play(0)
    lost = Ending("error", (), "the engine went away", source="engine")
    broken = [replace(e, ending=lost, payoff={}) if i < 2 else e for i, e in enumerate(episodes)]
    monkeypatch.setattr(play, "play", lambda number: broken)
    with pytest.raises(LostGamesError, match=r"2 of 8 games \(the engine went away\)"):
        play.batch(0)


def test_a_step_without_a_group_inside_the_band_rests_and_moves_nothing(playing):
    play = playing("game=matching-pennies-v0", "filters.low=0.51", "filters.high=0.52")
    batch = play.batch(0)
    step = play.last
    assert step
    assert step.rests
    assert batch.rests
    assert sum(step.dropped.values()) == len(step.trained) == 16
    assert not any(amount for each in step.trained for amount in each.advantages)
