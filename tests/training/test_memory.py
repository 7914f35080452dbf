"""Computed memory: counts are those of real models, and the page says what the function says."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from sparring.cli import main
from sparring.training.memory import GIGA, KNOWN, Shape, needs, shape
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

PAGE = Path(__file__).parents[2] / "docs/engines.md"
SMALL: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
}
SMALL |= {"num_attention_heads": 4, "num_key_value_heads": 2}
KINDS = [
    LlamaConfig(**SMALL, head_dim=12, tie_word_embeddings=False),
    Qwen2Config(**SMALL, tie_word_embeddings=True),
    Qwen3Config(**SMALL, head_dim=16, tie_word_embeddings=False),
]


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.model_type)
def test_parameters_and_adapters_are_counted_as_they_are(config, tmp_path):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        config.save_pretrained(tmp_path)
        found = shape(str(tmp_path))
        assert found.parameters == model.num_parameters()
        adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear"))
    assert found.adapters(4) == sum(p.numel() for p in adapted.parameters() if p.requires_grad)


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.model_type)
def test_what_a_layer_keeps_is_about_what_autograd_keeps(config, tmp_path):
    config.save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_config(config)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def bytes_of(tokens: int) -> int:
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            found = model.model(torch.zeros(1, tokens, dtype=torch.long)).last_hidden_state
        assert found.requires_grad
        return sum(kept.values())

    # two lengths, so that what does not grow with tokens falls out
    each = (bytes_of(48) - bytes_of(16)) / 32 / 4 / config.num_hidden_layers
    assert shape(str(tmp_path)).kept == pytest.approx(each, rel=0.35)


def test_known_models_have_the_parameters_that_they_are_known_for():
    assert {name: found.parameters for name, found in KNOWN.items()} == {
        "smollm2-135m": 134_515_008,
        "Qwen/Qwen2.5-0.5B": 494_032_768,
        "Qwen/Qwen3-4B": 4_022_468_096,
        "Qwen/Qwen3-8B": 8_190_735_360,
    }


def test_adapters_take_no_gradients_or_moments_of_the_base():
    small = Shape(2, 8, 16, 2, 1, 4, 50)
    whole, adapted = needs(small, tokens=1), needs(small, lora=2, tokens=1)
    assert adapted["Adam"] == 8 * small.adapters(2)
    assert (whole["weights"], adapted["weights"]) == (4 * small.parameters, 2 * small.parameters)
    assert whole["all"] == sum(x for name, x in whole.items() if name != "all")


def test_the_page_says_what_the_function_says():
    told = PAGE.read_text()
    for name, known in KNOWN.items():
        held = ((0, "bfloat16"), (16, "bfloat16"), (16, "8bit"), (16, "4bit"))
        found = [needs(known, lora=lora, dtype=dtype)["all"] for lora, dtype in held]
        cells = [f"{each / GIGA:.1f}" for each in found]
        assert f"| {name} | {known.parameters / 1e9:.2f} | {' | '.join(cells)} |" in told


def test_the_command_prints_the_parts(capsys):
    assert main(["engines", "memory", "Qwen/Qwen3-4B", "--lora", "16"]) == 0
    told = capsys.readouterr().out
    assert "computed, not measured" in told
    assert f"{needs(KNOWN['Qwen/Qwen3-4B'], lora=16)['all'] / GIGA:.1f}" in told


def test_an_unknown_model_is_refused_in_one_line(capsys):
    assert main(["engines", "memory", "Qwen/Qwen3-40B"]) == 2
    assert "did you mean Qwen/Qwen3-4B" in capsys.readouterr().err
