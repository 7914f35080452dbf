"""A batch in parts of few tokens: gradients, metrics and pairs are those of the whole batch."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from sparring.training.config import Config
from sparring.training.data.batch import Pair, pack, pack_pairs
from sparring.training.data.parts import parted, trimmed
from sparring.training.settings import override
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average

from ..conftest import having, sample
from .test_scores import Kept, samples

FEW = 60


def trained(model, tokenizer, folder, batch, most, *settings, pull=0.0):
    """(gradients, metrics) of one step on the batch, in parts of so many tokens."""
    mine = copy.deepcopy(model)
    texts = [
        "steps=1",
        "rollout.max_tokens=4",
        "update.clip_norm=0",
        f"update.tokens_at_once={most}",
    ]
    config = override(Config(), [*texts, *settings])
    trainer = SelfPlayTrainer(mine, tokenizer, config, lambda _: batch, folder=folder)
    if pull:
        trainer.pull(Average(mine), pull)
    trainer.add_callback(kept := Kept(mine))
    trainer.train()
    return kept.gradients, trainer.measured()


def close(ours, theirs):
    for mine, other in zip(ours[0], theirs[0], strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
    whole = {name: x for name, x in theirs[1].items() if name != "step_time"}
    assert {name: ours[1][name] for name in whole} == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("kind", ["dr_grpo", "dapo", "grpo", "bnpo", "cispo"])
@pytest.mark.parametrize("forest", ["off", "on"])
def test_gradients_and_metrics_are_those_of_the_whole_batch(
    model, tokenizer, tmp_path, kind, forest
):
    batch = pack(samples(), loss=kind, pad=0)
    assert len(parted(batch.tensors, FEW, loss=kind)) > 5
    settings = (f"update.loss={kind}", f"update.forest={forest}")
    theirs = trained(model, tokenizer, tmp_path, batch, 0, *settings, pull=0.5)
    close(trained(model, tokenizer, tmp_path, batch, FEW, *settings, pull=0.5), theirs)


def test_microbatches_may_be_parted_too(model, tokenizer, tmp_path):
    batch = pack(samples(), loss="dr_grpo", pad=0, multiple=3)
    settings = ("update.microbatches=3",)
    theirs = trained(model, tokenizer, tmp_path, batch, 0, *settings)
    ours = trained(model, tokenizer, tmp_path, batch, FEW, *settings)
    for mine, other in zip(ours[0], theirs[0], strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["dr_grpo", "dapo"])
def test_pairs_in_parts_are_one_mean(model, tokenizer, tmp_path, kind):
    ways = [[2, 3, 4, 9, 5 + n % 3, 1] for n in range(6)]
    rows = [having(sample(way, (2, 3), (4, 6), episode=n), 1.0, -1.0) for n, way in enumerate(ways)]
    other = [having(sample([*way[:2], 7, 1], (2, 4), episode=n), 0.0) for n, way in enumerate(ways)]
    pairs = [Pair(a, b) for a, b in zip(rows, other, strict=True)]
    batch = pack_pairs(pairs, loss=kind, pad=0)
    settings = ("objective.kind=prefer", f"update.loss={kind}", "update.kl=0.1")
    theirs = trained(model, tokenizer, tmp_path, batch, 0, *settings, pull=0.1)
    close(trained(model, tokenizer, tmp_path, batch, 20, *settings, pull=0.1), theirs)


def test_a_part_has_few_tokens_and_its_rows_whole():
    batch = pack(samples(), loss="dr_grpo", pad=0)
    parts = parted(batch.tensors, FEW, loss="dr_grpo")
    assert sum(part.rows for part in parts) == pytest.approx(1)
    assert sum(part.tokens for part in parts) == pytest.approx(1)
    for part in parts:
        rows, wide = part.tensors["prompt_ids"].shape
        assert rows * (wide + part.tensors["completion_ids"].size(1)) <= FEW
    seen = sum(int(part.tensors["completion_mask"].sum()) for part in parts)
    assert seen == int(batch.tensors["completion_mask"].sum())


class Held:
    """Counts the bytes that are kept for the backward pass; use as a context manager."""

    def __init__(self):
        self.now = self.most = 0
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._keep, lambda kept: kept.tensor)

    def __enter__(self):
        self._hooks.__enter__()
        return self

    def __exit__(self, *fault):
        self._hooks.__exit__(*fault)

    def add(self, size):
        self.now += size
        self.most = max(self.most, self.now)

    def _keep(self, tensor):
        return Saved(self, tensor)


class Saved:
    """A tensor that is kept, for as long as this lives."""

    def __init__(self, held, tensor):
        self.tensor, self._held, self._size = tensor, held, tensor.nbytes
        held.add(self._size)

    def __del__(self):
        self._held.add(-self._size)


@pytest.mark.parametrize(("forest", "least"), [("off", 7), ("on", 3)])
def test_one_long_reply_decides_no_peak_of_memory(model, tokenizer, tmp_path, forest, least):
    """Microbatches are equally many rows, each as wide as the longest; parts have few tokens."""

    def peak(longest, setting):
        lengths = [8] * 15 + [longest]
        words = [
            [2, *(3 + (7 * n + k) % 30 for k in range(size - 1))] for n, size in enumerate(lengths)
        ]
        rows = [
            having(sample(each, (2, len(each)), episode=n), 1.0) for n, each in enumerate(words)
        ]
        batch = pack(rows, loss="dr_grpo", pad=0)
        with Held() as held:
            trained(model, tokenizer, tmp_path, batch, 0, f"update.forest={forest}", setting)
        return held.most

    parts = peak(64, "update.tokens_at_once=64") / peak(8, "update.tokens_at_once=64")
    rows = peak(64, "update.microbatches=4") / peak(8, "update.microbatches=4")
    assert parts < 1.3
    assert rows > least


def test_a_row_that_is_longer_than_a_part_is_one():
    batch = pack(samples(), loss="dr_grpo", pad=0)
    parts = parted(batch.tensors, 1, loss="dr_grpo")
    assert all(part.tensors["prompt_ids"].size(0) == 1 for part in parts)
    assert torch.equal(trimmed(parts[0].tensors)["prompt_ids"], parts[0].tensors["prompt_ids"])


def test_recomputed_activations_give_the_same_gradients(model, tokenizer, tmp_path):
    torch.manual_seed(1)
    adapters = LoraConfig(r=4, init_lora_weights=False, task_type="CAUSAL_LM")
    adapted = get_peft_model(copy.deepcopy(model), adapters)
    batch = pack(samples(), loss="dr_grpo", pad=0)
    for each in (model, adapted):
        theirs = trained(each, tokenizer, tmp_path, batch, 0, "update.forest=off")
        settings = ("update.forest=off", "update.checkpointing=true")
        ours = trained(each, tokenizer, tmp_path, batch, FEW, *settings)
        assert any(grad.abs().sum() > 0 for grad in ours[0])
        close(ours, theirs)
