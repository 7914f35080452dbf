from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sparring.agents.language import transformer
from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.exact import ExactError, behaviour, distributions
from sparring.agents.language.transformer import Transformer
from sparring.agents.policy import Key, Request, Sampling
from sparring.agents.thinking import Thinking
from sparring.envs.exact import tree
from sparring.envs.registry import Game
from sparring.envs.types import Message
from transformers import LlamaConfig


class Chain(torch.nn.Module):
    """A language model given by a table: the next token depends on the last one only."""

    def __init__(self, odds: dict[int, dict[int, float]], width: int) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.full((width, width), -torch.inf))
        for last, following in odds.items():
            for token, p in following.items():
                self.table.data[last, token] = torch.tensor(p).log()
        self.device = torch.device("cpu")
        self.config = LlamaConfig(max_position_embeddings=100, num_hidden_layers=1)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return SimpleNamespace(logits=self.table[input_ids], past_key_values=None)


@pytest.fixture
def ten_or_nothing(tiny: Transformer) -> Transformer:
    """Says "bet" .2 and "bet 10" .8, where "bet" has likelihood 1 before its end of turn."""
    bet, *ten = tiny.dialect.choice("bet 10")
    move = tiny.dialect.tokenizer.convert_tokens_to_ids("<|move|>")
    end = tiny.dialect.end
    odds: dict[int, dict[int, float]] = {move: {bet: 1.0}, bet: {end: 0.2, ten[0]: 0.8}}
    for token, after in zip(ten, [*ten[1:], end], strict=True):
        odds[token] = {after: 1.0}
    model = Chain(odds, len(tiny.dialect.tokenizer))
    return Transformer(model, tiny.dialect, name="chain", weights="chain")


def asked(*choices: str) -> Request:
    return Request("first", "first", (Message("game", "J"),), choices, Key(0, 0, "first", 0))


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.6, 0.9), Sampling(0.0)])
def test_a_forest_scores_replies_as_a_walk_of_their_tree_does(
    tiny: Transformer, sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    # nested replies, prompts that begin alike, and shares of a few prompts
    prompts = [(5, 7), (5, 7, 9), (5,), (8, 2, 4, 4)]
    wanted = [(p, {(6,), (6, 7), (11, 3, 2), ()} if p[-1] != 9 else {(6,)}) for p in prompts]
    monkeypatch.setattr(transformer, "_AT_ONCE", 25)
    forest = tiny.scores(wanted, sampling)
    monkeypatch.setattr(transformer, "suits", lambda model: False)
    walked = tiny.scores(wanted, sampling)

    assert forest.keys() == walked.keys()
    for prompt, replies in wanted:
        assert forest[prompt].keys() == replies
        for reply, one in walked[prompt].items():
            assert forest[prompt][reply].logprobs == pytest.approx(one.logprobs, abs=1e-4)
            assert forest[prompt][reply].total == pytest.approx(one.total, abs=1e-4)


def test_the_end_of_turn_counts_so_short_choices_do_not_win(ten_or_nothing: Transformer) -> None:
    (found,) = distributions(ten_or_nothing, [asked("bet", "bet 10")])
    assert found.probability == pytest.approx({"bet": 0.2, "bet 10": 0.8})
    assert found.legal_mass == pytest.approx(1.0)


def test_the_mass_of_the_legal_choices_is_told(ten_or_nothing: Transformer) -> None:
    (found,) = distributions(ten_or_nothing, [asked("bet")])
    assert found.probability == {"bet": 1.0}
    assert found.legal_mass == pytest.approx(0.2)


def test_a_request_without_choices_and_a_thinking_policy_are_refused(tiny: Transformer) -> None:
    with pytest.raises(ExactError, match="choices"):
        distributions(tiny, [asked()])
    thinker = Transformer(
        tiny.model,
        Dialect(tiny.dialect.tokenizer, thinking=Thinking("template")),
        name="t",
        weights="w",
    )
    with pytest.raises(ExactError, match="thinks"):
        distributions(thinker, [asked("bet")])


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=2.0), Sampling(top_p=0.4)])
def test_the_exact_distribution_is_the_one_that_play_samples_from(
    tiny: Transformer, sampling: Sampling
) -> None:
    policy = tiny.with_sampling(sampling)
    (found,) = distributions(policy, [asked("check", "bet")])
    replies = policy.reply(
        [
            Request("first", "first", (Message("game", "J"),), None, Key(n, 0, "first", 0))
            for n in range(3000)
        ]
    )
    for choice in ("check", "bet"):
        seen = sum(reply.text == choice for reply in replies) / 3000
        assert seen == pytest.approx(found.probability[choice] * found.legal_mass, abs=0.035)


def test_all_information_sets_at_once_give_what_each_gives_alone(
    tiny: Transformer, kuhn: Game
) -> None:
    infosets = tree(kuhn).infosets
    odds, mass = behaviour(tiny, infosets)
    for info in infosets:
        alone, alone_mass = behaviour(tiny, [info])
        assert alone[info.key] == pytest.approx(odds[info.key], abs=1e-6)
        assert alone_mass[info.key] == pytest.approx(mass[info.key], abs=1e-6)
