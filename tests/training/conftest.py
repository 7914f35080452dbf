"""A model of a few hundred weights, and samples made by hand."""

import pytest
import torch
from sparring.training.data.batch import Row
from sparring.training.data.samples import Attempt, Sample, Span
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = 40


@pytest.fixture
def model():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    yield LlamaForCausalLM(config)
    torch.set_num_threads(threads)


@pytest.fixture
def tokenizer():
    words = {f"w{i}": i for i in range(2, WORDS)} | {"<pad>": 0, "<eos>": 1}
    core = Tokenizer(models.WordLevel(words, unk_token="w2"))
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>")


def attempt(episode=0, **changes):
    """One seat's part in an episode that paid nothing."""
    made = Attempt(
        game="g-v0",
        role="first",
        seat="first",
        opponent="self",
        group="g",
        episode=episode,
        seed=episode,
        replicate=0,
        payoff=0.0,
        reward=0.0,
        by_turn=False,
        version=0,
        ending="outcome",
    )
    return made._replace(**changes)


def sample(tokens, *spans, episode=0, logprob=-3.0):
    """A sample whose spans are (start, stop)."""
    made = tuple(Span(i, start, stop, 0.0, 0.0) for i, (start, stop) in enumerate(spans))
    inside = {i for start, stop in spans for i in range(start, stop)}
    logprobs = tuple(logprob if i in inside else 0.0 for i in range(len(tokens)))
    return Sample(attempt(episode), tuple(tokens), logprobs, made)


def having(made, *advantages, **components):
    """A sample whose turns have these advantages, and these weights of further components."""
    return Row(made, advantages, **components)
