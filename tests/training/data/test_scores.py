"""The loss over a forest of prefixes beside TRL's path over padded rows."""

import copy
import random

import pytest
import torch
from peft import LoraConfig, get_peft_model
from sparring.training.config import Config, ConfigError
from sparring.training.data import scores
from sparring.training.data.batch import pack
from sparring.training.settings import override
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback

from ..conftest import WORDS, having, sample


def samples():
    """Games of up to three turns whose beginnings are often alike; some are alike as a whole."""
    rng = random.Random(0)
    made = []
    for episode in range(60):
        turns = rng.randint(1, 3)
        tokens, spans = [2], []
        for _ in range(turns):
            tokens += [rng.choice((3, 4)), 5]
            spans.append((len(tokens), len(tokens) + 2))
            tokens += [rng.randrange(6, 9), 1]
        advantages = [rng.choice((-1.0, 0.5)) for _ in spans]
        made.append(having(sample(tokens, *spans, episode=episode), *advantages))
    return made


def loss(model, tokenizer, folder, forest: str, *settings: str, fold=True, kl=0.5):
    """The loss of one batch, and the gradients; the magnet lies a little apart."""
    config = override(
        Config(), ["steps=3", "rollout.max_tokens=4", f"update.forest={forest}", *settings]
    )
    model = copy.deepcopy(model)
    batch = pack(samples(), loss=config.update.loss, pad=0, fold=fold)
    trainer = SelfPlayTrainer(model, tokenizer, config, lambda step: batch, folder=folder)
    trainer.probe_every = 1

    magnet, noise = Average(model), torch.Generator().manual_seed(0)
    for value in magnet._values:
        value.add_(0.05 * torch.randn(value.shape, generator=noise))
    trainer.pull(magnet, kl)

    trainer.model.train()
    inputs = trainer._prepare_inputs([{"prompt": ""}] * 2)
    trainer.current_gradient_accumulation_steps = 1
    found = trainer.compute_loss(trainer.model, inputs)
    found.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return found, gradients, trainer


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("kind", ["dr_grpo", "dapo", "cispo"])
def test_loss_and_gradients_are_those_of_the_padded_rows(model, tokenizer, tmp_path, kind, fold):
    settings = (f"update.loss={kind}", "rollout.temperature=0.7")
    plain, wanted, theirs = loss(model, tokenizer, tmp_path, "off", *settings, fold=fold)
    found, gradients, ours = loss(model, tokenizer, tmp_path, "on", *settings, fold=fold)

    torch.testing.assert_close(found, plain, rtol=1e-6, atol=1e-6)
    for mine, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    assert ours.sampler_gap == pytest.approx(theirs.sampler_gap, abs=1e-5)


def test_microbatches_add_up_to_the_gradients_of_the_padded_rows(model, tokenizer, tmp_path):
    def gradients(forest: str):
        config = override(
            Config(),
            [
                "steps=1",
                "rollout.max_tokens=4",
                "update.microbatches=7",
                "update.clip_norm=0",
                f"update.forest={forest}",
            ],
        )
        mine = copy.deepcopy(model)
        batch = pack(samples(), loss="dr_grpo", pad=0, multiple=7)
        trainer = SelfPlayTrainer(mine, tokenizer, config, lambda _: batch, folder=tmp_path)
        trainer.add_callback(kept := Kept(mine))
        trainer.train()
        return kept.gradients

    for mine, other in zip(gradients("on"), gradients("off"), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


class Kept(TrainerCallback):
    """The gradients of the last step."""

    def __init__(self, model):
        self.gradients = []
        self._model = model

    def on_pre_optimizer_step(self, *arguments, **named):
        self.gradients = [p.grad.clone() for p in self._model.parameters() if p.grad is not None]


def test_metrics_are_those_of_the_padded_rows(model, tokenizer, tmp_path):
    _, _, theirs = loss(model, tokenizer, tmp_path, "off")
    _, _, ours = loss(model, tokenizer, tmp_path, "on")
    assert ours.measured() == pytest.approx(theirs.measured(), abs=1e-5)


def test_adapters_get_the_gradients_of_the_padded_rows(model, tokenizer, tmp_path):
    torch.manual_seed(1)
    adapted = get_peft_model(model, LoraConfig(r=4, init_lora_weights=False, task_type="CAUSAL_LM"))
    plain, wanted, _ = loss(adapted, tokenizer, tmp_path, "off")
    found, gradients, ours = loss(adapted, tokenizer, tmp_path, "on")

    assert ours._forest
    torch.testing.assert_close(found, plain, rtol=1e-6, atol=1e-6)
    for mine, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_auto_takes_the_forest_and_off_does_not(model, tokenizer, tmp_path):
    def asked(forest: str):
        calls = []
        model.register_forward_pre_hook(
            lambda _, __, named: calls.append(named["attention_mask"].dim()), with_kwargs=True
        )
        loss(model, tokenizer, tmp_path, forest)
        return set(calls)

    assert asked("auto") == {4}
    assert asked("off") == {2}


def test_on_is_refused_for_a_model_with_a_sliding_window_and_auto_lets_it_be(tokenizer, tmp_path):
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=8, num_attention_heads=2, num_hidden_layers=1
    )
    model = LlamaForCausalLM(config)
    model.config.layer_types = ["sliding_attention"]
    assert not scores.by_forest("auto", model, 1)
    assert not scores.by_forest("auto", model, 2)
    with pytest.raises(ConfigError, match=r"update\.forest = on needs .* use auto or off"):
        scores.by_forest("on", model, 1)


def test_a_batch_that_would_hold_too_much_is_left_to_the_padded_path(
    model, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setattr(scores, "_MOST", 10)
    plain, _, _ = loss(model, tokenizer, tmp_path, "off")
    found, _, _ = loss(model, tokenizer, tmp_path, "on")
    assert torch.equal(found, plain)
