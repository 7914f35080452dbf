"""Rewards from inside: measures of the sampler's distribution, given as credits of the turns they measure."""

import asyncio
import math

import pytest
import torch
from sparring.envs.registry import find
from sparring.sandbox.choose import Lazy
from sparring.training.data.inside import measures
from sparring.training.players.learner import loaded
from sparring.training.recipes import configured
from sparring.training.selfplay import SelfPlay, Timed
from sparring.training.watch.measure import measure


@pytest.fixture
def stepped():
    """Plays one step of Kuhn poker under further settings."""
    loop = asyncio.new_event_loop()

    def made(*settings: str) -> SelfPlay:
        config = configured("spiral", None, ["rollout.games=8", *settings])
        game = find(config.game)
        learner = loaded(config, game)
        play = SelfPlay(config, (game,), learner, loop=loop, verifier=Timed(Lazy()))
        play.batch(0)
        return play

    yield made
    loop.close()


def exact(play, turn):
    """(certainty, entropy) of a reply, token by token over the whole distribution."""
    certain, spread = [], []
    for count in range(len(turn.reply.tokens)):
        tokens = [*turn.reply.prompt_tokens, *turn.reply.tokens[:count]]
        with torch.no_grad():
            logits = play.policy.model(input_ids=torch.tensor([tokens])).logits[0, -1]
        odds = (logits / play.policy.sampling.temperature).softmax(-1).double()
        uniform = torch.full_like(odds, 1 / len(odds))
        certain.append(float((uniform * (uniform / odds).log()).sum()))
        spread.append(float(-(odds * odds.log()).sum()))
    return sum(certain) / len(certain), sum(spread) / len(spread)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_certainty_is_the_mean_kl_from_uniform_and_entropy_the_mean_entropy(stepped, temperature):
    play = stepped(f"rollout.temperature={temperature}")
    turns = [turn for episode in play.last.episodes[:3] for turn in episode.turns]
    replies = [(turn.reply.prompt_tokens, turn.reply.tokens) for turn in turns]
    found = measures(replies, play.policy, {"certainty", "entropy"})
    for turn, reply in zip(turns, replies, strict=True):
        wanted = exact(play, turn)
        mine = found[reply]["certainty"], found[reply]["entropy"]
        assert mine == pytest.approx(wanted, rel=1e-4)
        assert mine[0] > 0


def test_a_credit_is_the_weight_times_the_measure_and_counts_in_what_a_turn_earned(stepped):
    play = stepped("inside.likelihood=2", "inside.certainty=0.1", "credits.payoff=false")
    for sample, _, _ in play.last.trained:
        episode = play.last.episodes[sample.attempt.episode]
        for span in sample.spans:
            turn = episode.turns[span.turn]
            likely = 2 * math.exp(sum(turn.reply.logprobs))
            assert turn.credits["likelihood"] == pytest.approx(likely)
            assert turn.credits["certainty"] == pytest.approx(0.1 * exact(play, turn)[0], rel=1e-4)
        last = episode.turns[sample.spans[-1].turn]
        assert sample.spans[-1].earned == pytest.approx(sum(last.credits.values()))


def test_only_the_named_roles_are_given_them_and_the_metrics_say_how_much(stepped):
    play = stepped("inside.entropy=-1", "inside.roles=second")
    turns = [turn for episode in play.last.episodes for turn in episode.turns]
    assert {turn.role for turn in turns if turn.credits} == {"second"}
    record = measure(play.last, find("kuhn-poker-v0").role_of)
    given = [turn.credits["entropy"] for turn in turns if turn.credits]
    assert record["inside/entropy/second"] == pytest.approx(sum(given) / len(given))
    assert "inside/entropy/first" not in record


def test_without_weights_nothing_is_given(stepped):
    play = stepped()
    assert not any(turn.credits for episode in play.last.episodes for turn in episode.turns)
