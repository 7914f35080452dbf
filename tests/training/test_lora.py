"""Adapters are trained like whole models: the same curve after an interruption, and the base untouched."""

from __future__ import annotations

import gc
import importlib.util
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import ModelError
from sparring.agents.run_folder import RunFolder
from sparring.envs.registry import find
from sparring.envs.types import Episode
from sparring.training.config import Config, ConfigError
from sparring.training.players.learner import loaded
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.selfplay import SelfPlay

needs_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here; see .ci/vllm.sh"
)
SMALL = [
    "rollout.games=32",
    "steps=4",
    "record.evaluate_every=2",
    "record.checkpoint_every=2",
    "record.probe_every=1",
    "record.tensorboard=false",
    "update.lora=4",
    "update.lr=5e-3",
    "threads=1",
]


def small(out: Path, *settings: str) -> Config:
    return configured("spiral", None, [*SMALL, *settings], {"out": str(out)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One uninterrupted run of four steps."""
    return train(small(tmp_path_factory.mktemp("lora") / "whole"), quiet=True).folder


def test_a_checkpoint_is_an_adapter_that_has_learned_something(whole: Path) -> None:
    place = whole / "checkpoints/step-4"
    assert not (place / "model.safetensors").exists()
    assert json.loads((place / "adapter_config.json").read_text())["r"] == 4
    adapter = load_file(place / "adapter_model.safetensors")
    assert any(value.abs().max() > 1e-3 for name, value in adapter.items() if "lora_B" in name)
    first, *_, last = RunFolder(whole).records()
    assert last["nashconv"] != pytest.approx(first["nashconv"], abs=1e-6)
    assert all(
        record["sampler_gap"] < 1e-4
        for record in RunFolder(whole).records()
        if "sampler_gap" in record
    )


def test_a_checkpoint_plays_as_the_run_measured_it(whole: Path) -> None:
    from sparring.training.watch.evaluate import evaluate, exact_tree

    game = find("kuhn-poker-v0")
    walked = exact_tree(game)
    assert walked
    found = evaluate(walked, load_model(str(whole / "checkpoints/step-4"), game))
    assert found.nash_conv == pytest.approx(RunFolder(whole).records()[-1]["nashconv"], abs=1e-5)


def test_a_resumed_run_has_the_curve_and_adapter_of_an_uninterrupted_one(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = SelfPlay.batch

    def killed(self: SelfPlay, number: int) -> object:
        if number == 2:
            raise KeyboardInterrupt
        return play(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(SelfPlay, "batch", killed)
        with pytest.raises(KeyboardInterrupt):
            train(small(tmp_path / "cut"), quiet=True)
    resume(tmp_path / "cut", quiet=True)
    ours, theirs = (RunFolder(folder).records()[-1] for folder in (tmp_path / "cut", whole))
    assert {k: v for k, v in ours.items() if "second" not in k} == {
        k: v for k, v in theirs.items() if "second" not in k
    }
    for name in ("adapter_model.safetensors", "state/magnet.safetensors"):
        assert (tmp_path / "cut/checkpoints/step-4" / name).read_bytes() == (
            whole / "checkpoints/step-4" / name
        ).read_bytes()


def test_workers_make_their_engines_and_take_no_servers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none that it can make"):
        small(tmp_path / "both", "rollout.workers=1", "rollout.engine=http://there/v1")


@needs_vllm
def test_learner_and_ancestors_play_as_adapters_of_one_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The learner's adapter goes to vLLM every step, and what it says there is what the learner would say."""
    met: Counter[str] = Counter()
    play = SelfPlay.play

    def watched(self: SelfPlay, number: int) -> list[Episode]:
        episodes = play(self, number)
        assert {episode.ending.kind for episode in episodes} <= {"outcome", "forfeit"}
        met.update(ref.name for episode in episodes for ref in episode.seats.values())
        return episodes

    monkeypatch.setattr(SelfPlay, "play", watched)
    settings = ["rollout.engine=vllm", "steps=6", "opponents.mode=past", "record.metrics_every=1"]
    done = train(small(tmp_path / "run", *settings), quiet=True)
    records = [record for record in RunFolder(done.folder).records() if record["step"]]
    assert [record["step"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert all(record["sampler_gap"] < 1e-3 for record in records)
    assert records[-1]["seconds/sync"] > 0
    assert set(met) == {"learner", "step-2", "step-4"}
    print(f"a sync took {records[-1]['seconds/sync'] / 6:.3f} s; seats: {dict(met)}")


def test_alpha_and_targets_are_settings(tmp_path: Path) -> None:
    game = find("kuhn-poker-v0")
    own = loaded(small(tmp_path, "update.lora_alpha=12", "update.lora_targets=['q_proj']"), game)
    usual = loaded(small(tmp_path), game)
    found, plain = own.model.peft_config["default"], usual.model.peft_config["default"]
    assert (found.lora_alpha, found.target_modules) == (12, ["q_proj"])
    assert plain.lora_alpha == 8
    assert len(plain.target_modules) > 1
    with pytest.raises(ConfigError, match=r"has no such module; it has .*q_proj"):
        loaded(small(tmp_path, "update.lora_targets=['query']"), game)


def test_an_adapter_knows_its_base_and_is_refused_on_another(whole: Path, tmp_path: Path) -> None:
    place = tmp_path / "step-4"
    shutil.copytree(whole / "checkpoints/step-4", place)
    told = json.loads((place / "base.json").read_text())
    assert len(told["sha256"]) == 64
    load_model(str(place), find("kuhn-poker-v0"))
    (place / "base.json").write_text(json.dumps({**told, "sha256": "0" * 64}))
    with pytest.raises(ModelError, match=r"of weights 000000000000, and .* has") as refusal:
        load_model(str(place), find("kuhn-poker-v0"))
    assert "\n" not in str(refusal.value)


def storages(shape: torch.Size) -> dict[int, torch.Tensor]:
    """The tensors of this shape that are alive, by where they lie."""
    # a run sets what is there apart, where it would not be found
    gc.unfreeze()
    gc.collect()
    kinds = (torch.Tensor, torch.nn.Parameter)
    alive = [each for each in gc.get_objects() if type(each) in kinds and each.shape == shape]
    return {each.untyped_storage().data_ptr(): each for each in alive}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_learner_magnet_player_and_past_selves_have_one_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    model, play = load_model("tiny", find("kuhn-poker-v0")).model, SelfPlay.batch
    shape = model.get_input_embeddings().weight.shape
    one = {p.untyped_storage().data_ptr() for p in model.parameters() if p.shape == shape}
    del model
    # held, so that no later tensor comes to lie where one of these lay
    before = storages(shape)
    found: list[int] = []
    held: list[set[torch.dtype]] = []

    def counted(self: SelfPlay, number: int) -> object:
        batch = play(self, number)
        found.append(len(storages(shape).keys() - before.keys()))
        parameters = dict(self.policy.model.named_parameters())
        held.append({p.dtype for name, p in parameters.items() if "lora_" in name})
        held.append({p.dtype for name, p in parameters.items() if "lora_" not in name})
        return batch

    monkeypatch.setattr(SelfPlay, "batch", counted)
    settings = [
        "opponents.mode=past",
        "update.kl=0.1",
        f"update.dtype={dtype}",
        "rollout.games=8",
        "steps=3",
    ]
    settings += ["record.evaluate_every=0", "record.checkpoint_every=1"]
    done = train(small(tmp_path / "run", *settings), quiet=True)

    assert found == [len(one)] * 3
    assert held[-2:] == [{torch.float32}, {getattr(torch, dtype)}]
    step = RunFolder(done.folder).records()[-1]
    assert step["sampler_gap"] < (1e-4 if dtype == "float32" else 0.2)


def test_weights_that_are_trained_are_not_held_in_bfloat16() -> None:
    with pytest.raises(ConfigError, match=r"set update\.lora, or dtype = float32"):
        configured("spiral", None, ["update.dtype=bfloat16"], {})
