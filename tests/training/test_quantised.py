"""Adapters on a base in 4 or 8 bits: real layers of bitsandbytes, on the CPU."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from sparring.agents.language.exact import behaviour
from sparring.agents.models import quantised
from sparring.agents.models.load import load_model
from sparring.agents.models.names import ModelError
from sparring.agents.models.weights import quiet
from sparring.agents.run_folder import RunFolder
from sparring.envs.exact import tree
from sparring.envs.registry import find
from sparring.training.config import Config, ConfigError
from sparring.training.memory import held, shape
from sparring.training.players.learner import loaded
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.selfplay import SelfPlay
from transformers import AutoModelForCausalLM, LlamaConfig

dequantize_4bit = pytest.importorskip("bitsandbytes").functional.dequantize_4bit
KUHN = find("kuhn-poker-v0")


def small(out: Path, dtype: str, *settings: str) -> Config:
    own = [
        "steps=3",
        "rollout.games=8",
        "update.lora=4",
        f"update.dtype={dtype}",
        "opponents.mode=past",
        "record.evaluate_every=0",
        "record.checkpoint_every=1",
        "record.metrics_every=1",
        "record.probe_every=1",
        "record.tensorboard=false",
    ]
    return configured("spiral", None, [*own, *settings], {"out": str(out), "threads": 1})


def digest(parameters: list[torch.Tensor]) -> str:
    return sha256(b"".join(p.detach().numpy().tobytes() for p in parameters)).hexdigest()


@pytest.mark.parametrize(("dtype", "kind"), [("4bit", "Linear4bit"), ("8bit", "Linear8bitLt")])
def test_a_quantised_base_stays_and_its_adapter_learns(tmp_path, monkeypatch, dtype, kind):
    seen: list[tuple[str, str]] = []
    play = SelfPlay.batch

    def watched(self: SelfPlay, number: int) -> Any:
        model: Any = self.policy.model
        assert kind in {type(module).__name__ for module in model.modules()}
        named = list(model.named_parameters())
        learnt = [p for _, p in named if p.requires_grad]
        assert {p.dtype for p in learnt} == {torch.float32}
        # past selves are loaded beside it, and are adapters too
        base = [p for name, p in named if "lora_" not in name]
        assert {p.dtype for p in base} == {
            torch.float32,
            torch.uint8 if dtype == "4bit" else torch.int8,
        }
        seen.append((digest(base), digest(learnt)))
        return play(self, number)

    monkeypatch.setattr(SelfPlay, "batch", watched)
    run = train(small(tmp_path / "r", dtype), quiet=True).folder
    bases, adapters = ({each[part] for each in seen} for part in (0, 1))
    assert (len(bases), len(adapters)) == (1, 3)
    # The sampler and the learner are one module; what int8 rounds depends a little on a batch's outliers.
    most = {"4bit": 1e-4, "8bit": 5e-3}[dtype]
    records = [each for each in RunFolder(run).records() if each["step"]]
    assert [each["sampler_gap"] < most for each in records] == [True] * 3

    # Whoever plays the checkpoint plays it on a base in as many bits, and under another id.
    place = RunFolder(run).checkpoint(3)
    told = json.loads((place / "base.json").read_text())
    assert told["held"] == dtype
    played = load_model(str(place), KUHN)
    assert kind in {type(module).__name__ for module in played.model.modules()}
    (place / "base.json").write_text(json.dumps({k: v for k, v in told.items() if k != "held"}))
    whole = load_model(str(place), KUHN)
    assert whole.ref.id != played.ref.id
    infosets = tree(KUHN).infosets
    bits, full = (behaviour(each, infosets)[0] for each in (played, whole))
    assert bits != full
    (place / "base.json").write_text(json.dumps(told))

    # What is resumed from step 2 ends in the same bytes.
    before = (place / "adapter_model.safetensors").read_bytes()
    resume(f"{run}@2", quiet=True)
    assert (place / "adapter_model.safetensors").read_bytes() == before

    with pytest.raises(ConfigError, match=f"on a base in {dtype}.*set it to {dtype}") as refusal:
        loaded(small(tmp_path / "on", "float32", f"model={place}"), KUHN)
    assert "\n" not in str(refusal.value)
    loaded(small(tmp_path / "on", dtype, f"model={place}"), KUHN)


def made_whole(parameter: Any) -> torch.Tensor:
    if parameter.dtype == torch.uint8:
        return dequantize_4bit(parameter.data, parameter.quant_state)
    return parameter.float() * parameter.SCB[:, None] / 127


def gradients(model: Any, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        model(input_ids=ids)
    model(input_ids=ids, labels=ids).loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize(("dtype", "least"), [("4bit", 0.99999), ("8bit", 0.95)])
def test_gradients_are_those_of_the_same_weights_made_whole_again(tmp_path, dtype, least):
    ids = torch.arange(40).reshape(2, 20)
    model = loaded(small(tmp_path, dtype), KUHN).model
    whole = loaded(small(tmp_path, "float32"), KUHN).model
    theirs = dict(whole.named_parameters())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                # an adapter begins at 0, where nothing passes it to the layers below
                theirs[name].copy_(parameter.normal_(0, 0.05, generator=torch.manual_seed(1)))
            elif parameter.requires_grad:
                theirs[name].copy_(parameter)
            elif parameter.dtype in (torch.uint8, torch.int8):
                theirs[name].copy_(made_whole(parameter))

    found, wanted = gradients(model, ids), gradients(whole, ids)
    assert found.keys() == wanted.keys()
    assert len(found) == 2 * 7 * 2
    for name, each in found.items():
        alike = torch.nn.functional.cosine_similarity(each.flatten(), wanted[name].flatten(), 0)
        assert float(alike) > least, name


@pytest.mark.parametrize("dtype", ["8bit", "4bit"])
def test_the_bytes_of_a_quantised_base_are_counted_as_they_are(tmp_path, dtype):
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with quiet():
        model: Any = AutoModelForCausalLM.from_pretrained(
            tmp_path,
            quantization_config=quantised.settings(dtype),
            device_map={"": "cpu"},
            dtype=torch.float32,
        )
    found = sum(p.numel() * p.element_size() for p in model.parameters())
    for parameter in model.parameters():
        if state := getattr(parameter, "quant_state", None):
            inner = state.state2
            found += sum(t.numel() * t.element_size() for t in (state.absmax, inner.absmax))
        if (scales := getattr(parameter, "SCB", None)) is not None:
            found += scales.numel() * scales.element_size()
    assert held(shape(str(tmp_path)), dtype) == pytest.approx(found, rel=1e-3)


def test_without_the_package_a_quantised_base_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(quantised, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'sparring\[quantised\]'") as refusal:
        loaded(small(tmp_path / "r", "4bit"), KUHN)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["update.lora=0"], "set update.lora"),
        (["rollout.engine=vllm"], "plays with whole weights"),
        (["update.dtype=2bit"], "8bit"),
    ],
)
def test_what_cannot_be_trained_on_a_quantised_base_is_refused(tmp_path, settings, told):
    with pytest.raises(ConfigError, match=told):
        small(tmp_path / "r", "4bit", *settings)
