from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.lora import drop_adapter, with_adapter
from sparring.agents.models.names import ModelError
from sparring.agents.models.weights import Weights, find_model, weights_in
from sparring.agents.policy import Key, Request
from sparring.envs.exact import tree
from sparring.envs.registry import Game


@pytest.fixture
def base(tiny: Transformer, kuhn: Game) -> Transformer:
    return load_model("tiny", kuhn, sampling=tiny.sampling)


@pytest.fixture
def folders(kuhn: Game, tiny: Transformer, tmp_path: Path) -> list[Path]:
    """Two adapters, far from the base and from each other."""
    made: list[Path] = []
    for seed in (1, 2):
        model = get_peft_model(
            copy.deepcopy(tiny.model), LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
        )
        model.peft_config["default"].base_model_name_or_path = str(find_model("tiny", kuhn).folder)
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape, generator=generator)
        made.append(tmp_path / f"adapter-{seed}")
        model.save_pretrained(str(made[-1]))
    return made


def requests(game: Game) -> list[Request]:
    return [
        Request(info.seat, info.role, info.messages, info.choices, Key(n, 0, info.seat, 0))
        for n, info in enumerate(tree(game).infosets)
    ]


def test_adapters_share_a_base_and_each_acts_as_its_merged_model(
    base: Transformer, folders: list[Path], kuhn: Game
) -> None:
    before = base.reply(requests(kuhn))
    twins = [with_adapter(base, folder, folder.name) for folder in folders]
    for twin, folder in zip(twins, folders, strict=True):
        merged = load_model("tiny", kuhn, sampling=base.sampling)
        merged.model = PeftModel.from_pretrained(merged.model, str(folder)).merge_and_unload()
        for ours, theirs in zip(
            twin.reply(requests(kuhn)), merged.reply(requests(kuhn)), strict=True
        ):
            assert ours.tokens == theirs.tokens
            assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)
    for after, reply in zip(base.reply(requests(kuhn)), before, strict=True):
        assert after.tokens == reply.tokens
        assert after.logprobs == pytest.approx(reply.logprobs, abs=1e-5)
    assert len({base.ref.id, twins[0].ref.id, twins[1].ref.id}) == 3


def test_an_adapter_folder_is_a_model_too(
    base: Transformer, folders: list[Path], kuhn: Game
) -> None:
    alone = load_model(str(folders[0]), sampling=base.sampling)
    twin = with_adapter(base, folders[0], "a")
    for ours, theirs in zip(twin.reply(requests(kuhn)), alone.reply(requests(kuhn)), strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-4)


def test_names_are_taken_once_and_adapters_can_be_dropped(
    base: Transformer, folders: list[Path], kuhn: Game, tmp_path: Path
) -> None:
    first = with_adapter(base, folders[0], "a")
    with pytest.raises(ModelError, match="new name"):
        with_adapter(base, folders[1], "a")
    with pytest.raises(ModelError, match="holds no adapter"):
        with_adapter(base, tmp_path, "b")
    second = with_adapter(base, folders[1], "c")
    drop_adapter(first)
    assert set(base.model.peft_config) == {"c"}
    assert second.reply(requests(kuhn)[:1])


def test_a_model_that_is_trained_stays_so_while_opponents_join_it(
    base: Transformer, folders: list[Path]
) -> None:
    """PEFT's way: without dropout, gradient checkpoints and TRL's metrics until the next step."""
    for training in (True, False):
        base.model.train(training)
        for folder in folders:
            with_adapter(base, folder, f"{folder.name}-{training}")
            assert base.model.training is training
            assert {module.training for module in base.model.modules()} == {training}


def test_an_adapter_is_found_with_its_base_and_its_hash_covers_both(
    folders: list[Path], kuhn: Game
) -> None:
    found, base = weights_in(folders[0]), find_model("tiny", kuhn)
    assert found.base is not None
    assert found.base.folder == base.folder
    assert found.hash != Weights(found.name, found.folder).hash


def test_a_damaged_adapter_says_so(tmp_path: Path) -> None:
    for text in ("{}", "no JSON", "[]"):
        (tmp_path / "adapter_config.json").write_text(text)
        with pytest.raises(ModelError, match="names no base model"):
            weights_in(tmp_path)
