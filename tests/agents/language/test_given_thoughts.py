"""A policy that thinks: odds given drawn thoughts, and what they say of its NashConv."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from sparring.agents.language.exact import ExactError
from sparring.agents.language.given_thoughts import drawn_behaviour, given_thoughts
from sparring.agents.language.sampling import logprobs
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.policy import Key, Request, Sampling
from sparring.envs.estimate import Draws, estimate
from sparring.envs.exact import Odds, ViewKey, tree
from sparring.envs.registry import Game
from sparring.envs.types import Message

SAMPLING = Sampling(1.0, 1.0, 3)
REPEATED, THOUGHTS = 200, 16
REQUEST = Request(
    "first", "first", (Message("game", "J"),), ("bet", "check"), Key(0, 0, "first", 0)
)


@pytest.fixture
def thinker(tiny: Transformer, kuhn: Game) -> Transformer:
    """A model whose thought is one token, other weights than those that play evenly."""
    policy = load_model("tiny?think=asked&thought_tokens=1", kuhn, sampling=SAMPLING)
    noise = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in policy.model.parameters():
            p.add_(1.5 * p.std() * torch.randn(p.shape, generator=noise))
    return policy


def enumerated(policy: Transformer, kuhn: Game) -> Mapping[ViewKey, Odds]:
    """The policy's own odds: the sum over every thought that it may have."""
    dialect, odds = policy.dialect, dict[ViewKey, Odds]()
    for info in tree(kuhn).infosets:
        request = Request(info.seat, info.role, info.messages, info.choices, REQUEST.key)
        (prompt,) = policy.prompts([request])
        with torch.inference_mode():
            logits = policy.model(torch.tensor([prompt])).logits[:, -1]
        likely = logprobs(logits, policy.sampling)[0].double().exp().numpy()

        thoughts = [
            prompt + (() if token in dialect.stops else (token,)) + dialect.closing
            for token in range(len(likely))
        ]
        ways = [[dialect.choice(c), dialect.choice(f" {c}")] for c in info.choices]
        some = {way for each in ways for way in each}
        scores = policy.scores([(thought, some) for thought in thoughts], policy.sampling)
        mass = np.array(
            [[sum(math.exp(scores[t][w].total) for w in each) for each in ways] for t in thoughts]
        )
        odds[info.key] = likely @ (mass / mass.sum(axis=1, keepdims=True)) / likely.sum()
    return odds


@pytest.mark.slow
def test_the_estimate_covers_the_exact_nashconv_of_a_model_whose_thoughts_can_be_enumerated(
    thinker: Transformer, kuhn: Game
) -> None:
    walked = tree(kuhn)
    exact = walked.nash_conv(enumerated(thinker, kuhn))
    drawn, _ = drawn_behaviour(thinker, walked.infosets, REPEATED * THOUGHTS, seed=1)

    def repetition(n: int) -> Draws:
        return {key: each[n * THOUGHTS : (n + 1) * THOUGHTS] for key, each in drawn.items()}

    found = [estimate(walked, repetition(n)) for n in range(REPEATED)]
    assert sum(each.low <= exact <= each.high for each in found) / REPEATED >= 0.93
    assert np.mean([each.high - each.low for each in found]) < 0.2
    # a lower bound: on the mean it is not above the truth
    assert np.mean([each.value for each in found]) < exact + 0.005


def test_the_mean_of_the_odds_is_the_policys_own(thinker: Transformer, kuhn: Game) -> None:
    own = enumerated(thinker, kuhn)
    drawn, _ = drawn_behaviour(thinker, tree(kuhn).infosets, 600)
    for key, each in drawn.items():
        error = each[:, 0].std() / len(each) ** 0.5
        assert each[:, 0].mean() == pytest.approx(own[key][0], abs=4.5 * error + 1e-6)


def test_equal_keys_give_equal_thoughts(thinker: Transformer) -> None:
    first, again = (given_thoughts(thinker, [REQUEST], 8)[0] for _ in range(2))
    assert np.array_equal(first.odds, again.odds)


def test_a_policy_that_keeps_its_thoughts_has_no_odds_by_view(
    tiny: Transformer, kuhn: Game
) -> None:
    policy = load_model("tiny?think=asked&keep_thoughts=true", kuhn)
    with pytest.raises(ExactError, match="keep_thoughts=false"):
        given_thoughts(policy, [REQUEST], 4)


def test_one_that_does_not_think_is_sent_to_its_exact_odds(tiny: Transformer) -> None:
    with pytest.raises(ExactError, match="does not think"):
        given_thoughts(tiny, [REQUEST], 4)
