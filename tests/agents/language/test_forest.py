"""Rows as a forest of prefixes: a model computes at each node what it computes at the end of that prefix."""

import random

import pytest
import torch
from sparring.agents.language.forest import forest, rows_of, suits
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

WORDS = 30


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
    )
    return LlamaForCausalLM(config)


def sequences(seed: int, count: int, longest: int) -> list[list[int]]:
    """Sequences of few tokens, so that many begin alike and some begin others."""
    rng = random.Random(seed)
    return [
        [rng.randrange(2 if place < 6 else WORDS) for place in range(rng.randint(1, longest))]
        for _ in range(count)
    ]


def some(real: torch.Tensor, seed: int) -> torch.Tensor:
    """About half of the real places, asked."""
    return real & (torch.rand(real.shape, generator=torch.Generator().manual_seed(seed)) < 0.5)


@pytest.mark.parametrize("chunk", [1, 8, 20, 10_000])
@pytest.mark.parametrize("left", [0, 3])
def test_logits_are_those_of_the_padded_rows(model, chunk, left):
    ids, real = rows_of(sequences(chunk, 40, 14))
    ids = torch.nn.functional.pad(ids, (left, 0), value=7)
    real = torch.nn.functional.pad(real, (left, 0))
    asked = some(real, 1)

    planted = forest(ids, real, asked, chunk=chunk)
    assert planted
    # a row of padding alone attends to nothing, and is not compared
    plain = model(input_ids=ids, attention_mask=real.long()).logits
    found = planted.logits(model)[planted.at]
    torch.testing.assert_close(found[asked], plain[asked], rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_the_padded_rows(model):
    ids, real = rows_of(sequences(3, 30, 12))
    asked = some(real, 2)
    planted = forest(ids, real, asked, chunk=16)
    assert planted

    gradients = []
    for logits in (
        planted.logits(model)[planted.at],
        model(input_ids=ids, attention_mask=real.long()).logits,
    ):
        model.zero_grad()
        logits.log_softmax(-1)[asked][:, 5].sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for mine, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-5, atol=1e-5)


def test_each_distinct_prefix_is_one_node():
    rows = [[1, 2, 3], [1, 2, 4], [1, 2], [5], [1, 2, 3]]
    ids, real = rows_of(rows)
    planted = forest(ids, real, real)
    assert planted
    assert planted.nodes == len({tuple(row[: n + 1]) for row in rows for n in range(len(row))})


def test_what_no_asked_place_depends_on_is_left_out():
    ids, real = rows_of([[1, 2, 3, 4], [1, 2, 5], [6, 7]])
    asked = torch.zeros_like(real)
    asked[0, 1] = True
    planted = forest(ids, real, asked)
    assert planted
    assert planted.nodes == 2
    assert planted.chunks[0].asked == 1


def test_the_order_of_rows_changes_no_node():
    ids, real = rows_of(sequences(5, 25, 10))
    shuffled = torch.randperm(len(ids), generator=torch.Generator().manual_seed(0))
    one, other = forest(ids, real, real), forest(ids[shuffled], real[shuffled], real[shuffled])
    assert one
    assert other
    assert all(torch.equal(a.ids, b.ids) for a, b in zip(one.chunks, other.chunks, strict=True))
    assert torch.equal(one.at[shuffled], other.at)


def test_a_long_row_does_not_widen_the_chunks_of_the_others():
    short = [[1 + number % 29, number // 29, 3, 4] * 4 for number in range(400)]
    ids, real = rows_of([*short, [9] * 900])
    planted = forest(ids, real, real, chunk=64)
    assert planted
    assert sorted({part.ids.size(1) for part in planted.chunks})[-1] == 900
    assert sum(part.ids.numel() for part in planted.chunks) < 2 * planted.nodes


def test_rows_with_padding_inside_and_rows_asked_nothing_have_no_forest():
    ids, real = rows_of([[1, 2, 3]])
    assert forest(ids, real, torch.zeros_like(real)) is None
    real[0, 1] = False
    assert forest(ids, real, real) is None


def test_models_without_plain_attention_under_a_mask_are_told_apart(model):
    assert suits(model)
    eager = LlamaForCausalLM(LlamaConfig(**model.config.to_dict()))
    eager.config._attn_implementation = "eager"
    assert not suits(eager)
    assert not suits(GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=9)))
    assert not suits(torch.nn.Linear(2, 2))
