"""The whole KL to the magnet, and a pull that changes over a run."""

from __future__ import annotations

import copy

import pytest
import torch
from sparring.training import losses
from sparring.training.config import ConfigError, Update
from sparring.training.data.batch import pack
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average

from .test_losses import learned, moved, on_policy, rows, trainer

KL = 0.5


def wearing(model, magnet: Average):
    """A copy of the model with the magnet's weights."""
    with magnet.worn():
        return copy.deepcopy(model)


def oracle(model, other, tensors, factors, *, reverse: bool) -> torch.Tensor:
    """The sum over the trained tokens of Σ_v p(v) log(p(v)/q(v)), from whole rows of logits."""
    ids = torch.cat([tensors["prompt_ids"], tensors["completion_ids"]], 1)
    mask = torch.cat([tensors["prompt_mask"], tensors["completion_mask"]], 1)
    keep = tensors["completion_ids"].size(1)

    def distribution(of):
        return of(input_ids=ids, attention_mask=mask).logits[:, -keep - 1 : -1].log_softmax(-1)

    own, reference = distribution(model), distribution(other).detach()
    p, q = (own, reference) if reverse else (reference, own)
    each = (p.exp() * (p - q)).sum(-1)
    return (each * factors * tensors["tool_mask"] * tensors["completion_mask"]).sum()


def gradient(model, loss: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize("forest", ["on", "off"])
@pytest.mark.parametrize("way", ["forward", "reverse"])
@pytest.mark.parametrize("pull", [(), (2.0, 0.0)], ids=["all", "factors"])
def test_the_exact_pull_is_the_kl_over_the_whole_vocabulary(
    model, tokenizer, tmp_path, way, forest, pull
):
    magnet = moved(model)
    # copied before there is a trainer, whose forward pass is bound to its own model
    reference = wearing(model, magnet)
    batch = on_policy(model, pack(rows(pull=pull), loss="dr_grpo", pad=0))
    settings = ("update.kl_exact=true", "update.kl=0.5", f"update.kl_gradient={way}")
    ours = trainer(model, tokenizer, batch, tmp_path, *settings, f"update.forest={forest}")
    ours.pull(magnet, KL)
    loss = ours.compute_loss(ours.model, ours._prepare_inputs([{"prompt": ""}] * 2))

    tensors = batch.tensors
    factors = tensors.get("pull", torch.ones_like(tensors["old_per_token_logps"]))
    whole = oracle(model, reference, tensors, factors, reverse=way == "reverse")
    wanted = KL * whole / (len(batch.rows) * 4)
    assert wanted.item() > 0.001
    found, added = gradient(model, loss), gradient(model, wanted)
    plain = on_policy(model, pack(rows(), loss="dr_grpo", pad=0))
    before, apart = learned(model, tokenizer, plain, tmp_path)
    assert loss.item() - before == pytest.approx(wanted.item(), rel=1e-4)
    torch.testing.assert_close(found, apart + added, rtol=1e-3, atol=1e-6)


def test_the_exact_pull_is_what_the_estimate_is_on_average():
    """k3 over every token, each as often as the model draws it, adds up to the KL."""
    own = torch.randn(5, 11).log_softmax(-1)
    reference = torch.randn(5, 11).log_softmax(-1)
    apart = reference - own
    estimates = apart.exp() - apart - 1
    found = losses.whole_pull(own, reference, reverse=True)
    torch.testing.assert_close(found, (own.exp() * estimates).sum(-1))


def test_parts_and_microbatches_have_the_gradient_of_the_whole(model, tokenizer, tmp_path):
    magnet, found = moved(model), []
    for settings in ([], ["update.microbatches=2"], ["update.tokens_at_once=20"]):
        multiple = 2 if "microbatches" in str(settings) else 1
        batch = on_policy(model, pack(rows(), loss="dr_grpo", pad=0, multiple=multiple))
        ours = trainer(
            model, tokenizer, batch, tmp_path, "update.kl_exact=true", "update.kl=0.5", *settings
        )
        ours.pull(magnet, KL)
        model.zero_grad()
        shared = [ours._prepare_inputs([{"prompt": ""}] * 2)]
        shared += [ours._buffered_inputs[part] for part in range(1, multiple)]
        for part in shared:
            ours.compute_loss(ours.model, part).backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(found[0], found[2], rtol=1e-3, atol=1e-7)


def test_the_pull_goes_from_kl_to_kl_end_by_equal_factors():
    update = Update(kl=0.4, kl_end=0.1)
    strengths = [update.strength(done) for done in (0.0, 0.5, 1.0)]
    assert strengths == pytest.approx([0.4, 0.2, 0.1])
    assert Update(kl=0.4).strength(0.7) == 0.4
    assert Update().strength(0.5) == 0.0


@pytest.mark.parametrize("name", ["kl_end=0.1", "kl_exact=true"])
def test_how_a_pull_pulls_is_refused_without_one(name):
    with pytest.raises(ConfigError, match=rf"update\.{name.partition('=')[0]} says how update\.kl"):
        configured("spiral", None, ["update.kl=0", f"update.{name}"], {})


def run(folder, *settings, steps):
    small = ("rollout.games=8", "record.evaluate_every=0", "record.tensorboard=false")
    config = configured("spiral", None, [*small, *settings], {"out": str(folder), "steps": steps})
    return train(config, quiet=True)


def test_a_run_changes_its_pull_and_a_resumed_one_goes_on_with_the_same(tmp_path, monkeypatch):
    told: list[float] = []
    inner = SelfPlayTrainer.pull

    def pull(self, magnet, strength):
        told.append(strength)
        inner(self, magnet, strength)

    monkeypatch.setattr(SelfPlayTrainer, "pull", pull)
    settings = ("update.kl=0.4", "update.kl_end=0.1", "update.kl_exact=true")
    run(tmp_path / "whole", *settings, "record.checkpoint_every=2", steps=4)
    assert told == pytest.approx([0.4 * 0.25 ** (step / 4) for step in range(4)])

    told.clear()
    resume(f"{tmp_path}/whole@2", quiet=True)
    assert told == pytest.approx([0.4 * 0.25 ** (step / 4) for step in (2, 3)])
