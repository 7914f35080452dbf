from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from sparring.agents.language.exact import behaviour
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.cache import cache_root, cached
from sparring.agents.models.load import load_model
from sparring.agents.models.names import ModelError, UnknownModelError
from sparring.agents.models.tiny import Shape, build
from sparring.agents.models.weights import find_model, first_line, weights_in
from sparring.envs.exact import tree
from sparring.envs.registry import Game
from sparring.envs.types import Message


def test_tiny_starts_near_uniform_over_legal_moves(tiny: Transformer, kuhn: Game) -> None:
    odds, mass = behaviour(tiny, tree(kuhn).infosets)
    assert min(mass.values()) >= 0.99
    assert 0.85 <= tree(kuhn).exploit(odds).nash_conv <= 1.0


def test_kuhn_prompts_and_moves_are_short(tiny: Transformer, kuhn: Game) -> None:
    lengths = {len(tiny.dialect.encode(i.role, i.messages)) for i in tree(kuhn).infosets}
    assert lengths == {3, 4, 7}
    assert {len(tiny.dialect.choice(move)) for move in ("check", "bet", "fold", "call")} == {1}


def test_second_tries_are_spoken_too(tiny: Transformer) -> None:
    view = (
        Message("game", "J"),
        Message("self", "raise"),
        Message("game", "That is no move here. Answer with one of: check, bet"),
    )
    from sparring.agents.language.exact import distributions
    from sparring.agents.policy import Key, Request

    (found,) = distributions(
        tiny, [Request("first", "first", view, ("check", "bet"), Key(0, 0, "first", 1))]
    )
    assert found.legal_mass > 0.9


def test_equal_seeds_build_equal_weights_and_others_do_not(tmp_path: Path, kuhn: Game) -> None:
    small = Shape(games=50, steps=2)
    torch.manual_seed(5)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = tmp_path / name
        folder.mkdir()
        build(folder, kuhn, seed, small)
    hashes = {name: weights_in(tmp_path / name).hash for name in "abc"}
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_a_model_is_built_once(tiny: Transformer, kuhn: Game) -> None:
    folder = find_model("tiny", kuhn).folder
    assert folder.parent == cache_root()
    changed = (folder / "model.safetensors").stat().st_mtime_ns
    assert load_model("tiny", kuhn, sampling=tiny.sampling).ref == tiny.ref
    assert (folder / "model.safetensors").stat().st_mtime_ns == changed


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("written")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        cached("model", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UnknownModelError, match="did you mean smollm2-135m"):
        find_model("smollm-135m")
    with pytest.raises(ModelError, match="say which"):
        find_model("tiny")


def test_a_hub_out_of_reach_is_no_typing_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="the hub cannot be reached") as found:
        find_model("someone/tinny", None)
    assert "did you mean" not in str(found.value)


def test_without_its_four_bit_weights_a_name_is_not_the_hubs_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One name is one model, whatever is at hand."""
    monkeypatch.setattr("sparring.agents.models.smollm.carried", lambda: None)
    with pytest.raises(ModelError, match="another model, HuggingFaceTB/SmolLM2-135M-Instruct"):
        find_model("smollm2-135m", None)


def test_a_damaged_folder_is_one_clear_line(tmp_path: Path, kuhn: Game) -> None:
    with pytest.raises(ModelError, match=r"no config\.json") as empty:
        load_model(str(tmp_path))
    build(tmp_path, kuhn, 0, Shape(games=20, steps=1))
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded") as cut:
        load_model(str(tmp_path))
    assert "\n" not in str(empty.value) + str(cut.value)


def test_a_folder_without_a_tokenizer_is_told_so_in_a_whole_line(
    tmp_path: Path, kuhn: Game
) -> None:
    build(tmp_path, kuhn, 0, Shape(games=20, steps=1))
    for file in tmp_path.glob("*token*"):
        file.unlink()
    with pytest.raises(
        ModelError, match=r"no readable tokenizer; save .+ \(\w+: .*\w.*\)$"
    ) as told:
        load_model(str(tmp_path))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("one\ntwo", "ValueError: one"),
        ("one of: \n(1) a\n(2) b", "ValueError: one of: (1) a (2) b"),
        ("x" * 201, f"ValueError: {'x' * 200}…"),
        ("", "ValueError: "),
    ],
)
def test_a_librarys_fault_is_a_line_that_is_not_cut_at_a_colon(said: str, line: str) -> None:
    assert first_line(ValueError(said)) == line


def test_a_quantised_folder_is_refused_in_one_line_that_says_what_to_take(
    tmp_path: Path, kuhn: Game
) -> None:
    build(tmp_path, kuhn, 0, Shape(games=20, steps=1))
    file = tmp_path / "config.json"
    method = {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}
    file.write_text(json.dumps(json.loads(file.read_text()) | method))
    with pytest.raises(ModelError, match=r"is quantised \(bitsandbytes\).*take the model") as told:
        load_model(str(tmp_path))
    assert "\n" not in str(told.value)
