"""Losses against oracles: TRL's own trainers, and the gradients that the papers say they have."""

import copy

import pytest
import torch
from datasets import Dataset
from sparring.training import losses
from sparring.training.config import BY_ROW, BY_TOKEN, Config
from sparring.training.data.batch import Pair, pack, pack_pairs
from sparring.training.settings import override
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from . import oracle
from .conftest import having, sample

LOSSES = ["dr_grpo", "dapo", "grpo", "bnpo", "cispo", "sapo", "luspo", "vespo"]
IN_PARTS = [loss for loss in LOSSES if loss in BY_ROW + BY_TOKEN]


def rows(count=6, gradient=(1.0, -1.0), **components):
    """Rows of two turns with context between; each component is given by turn."""
    made = [sample([2 + i, 3, 4 + i, 9, 5 + i, 1], (2, 3), (4, 6), episode=i) for i in range(count)]
    return [having(each, *gradient, **components) for each in made]


def trainer(model, tokenizer, batch, folder, *settings):
    config = override(Config(), ["rollout.max_tokens=4", "record.probe_every=1000", *settings])
    made = SelfPlayTrainer(model, tokenizer, config, lambda step: batch, folder=folder)
    made.model.train()
    made.current_gradient_accumulation_steps = config.update.microbatches
    return made


def on_policy(model, batch):
    """The batch with the log-probabilities of the model itself."""
    t = dict(batch.tensors)
    ids = torch.cat([t["prompt_ids"], t["completion_ids"]], 1)
    mask = torch.cat([t["prompt_mask"], t["completion_mask"]], 1)
    with torch.no_grad():
        t["old_per_token_logps"] = oracle.logps(model, ids, mask, t["completion_ids"].size(1))
    return type(batch)(t, batch.rows)


def learned(model, tokenizer, batch, folder, *settings, magnet=None):
    """(loss, all gradients in one vector) of a step on the batch."""
    ours = trainer(model, tokenizer, batch, folder, *settings)
    if magnet is not None:
        ours.pull(magnet, 0.0)
    model.zero_grad()
    loss = ours.compute_loss(ours.model, ours._prepare_inputs([{"prompt": ""}] * 2))
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()])


def moved(model):
    """An average that lies a little beside the model."""
    magnet = Average(model)
    with torch.no_grad():
        state = {n: v + 0.05 * torch.randn_like(v) for n, v in magnet.state().items()}
    magnet.restore(state)
    return magnet


def cosine(one, other):
    return torch.nn.functional.cosine_similarity(one, other, dim=0).item()


def test_imitation_is_the_loss_of_trls_sft(model, tokenizer, tmp_path):
    batch = pack(rows(gradient=(0.0, 0.0), imitate=(1.0, 1.0)), loss="dapo", pad=0)
    found, gradient = learned(
        model, tokenizer, batch, tmp_path, "objective.kind=imitate", "update.loss=dapo"
    )
    t = batch.tensors
    ids = torch.cat([t["prompt_ids"], t["completion_ids"]], 1)
    trained = torch.cat([torch.zeros_like(t["prompt_ids"]), t["tool_mask"].long()], 1)
    labels = ids.masked_fill(trained == 0, -100)
    theirs = SFTTrainer(
        model,
        SFTConfig(str(tmp_path), report_to="none", bf16=False),
        train_dataset=Dataset.from_dict({"text": ["w2 w3"]}),
        processing_class=tokenizer,
    )
    model.zero_grad()
    mask = torch.cat([t["prompt_mask"], t["completion_mask"]], 1)
    wanted = theirs.compute_loss(
        model, {"input_ids": ids, "attention_mask": mask, "labels": labels}
    )
    wanted.backward()
    assert found == pytest.approx(wanted.item(), rel=1e-5)
    theirs = torch.cat([p.grad.flatten() for p in model.parameters()])
    torch.testing.assert_close(gradient, theirs, rtol=1e-4, atol=1e-6)


def pairs(count=4):
    better = [sample([2 + i, 3, 4 + i, 9, 5, 1], (2, 3), (4, 6), episode=i) for i in range(count)]
    worse = [sample([2 + i, 3, 20 + i, 7], (2, 4), episode=i) for i in range(count)]
    return [Pair(having(a, 0.0, 0.0), having(b, 0.0)) for a, b in zip(better, worse, strict=True)]


def test_preference_is_trls_dpo_loss_on_the_same_pairs(model, tokenizer, tmp_path):
    batch, magnet = pack_pairs(pairs(), loss="dapo", pad=0), moved(model)
    settings = ("objective.kind=prefer", "objective.beta=0.7", "update.loss=dapo")
    found, gradient = learned(model, tokenizer, batch, tmp_path, *settings, magnet=magnet)

    reference = copy.deepcopy(model)
    reference.load_state_dict(magnet.state(), strict=False)
    theirs = DPOTrainer(
        model,
        reference,
        DPOConfig(str(tmp_path), beta=0.7, report_to="none", bf16=False),
        train_dataset=Dataset.from_dict({"prompt": ["w2"], "chosen": ["w3"], "rejected": ["w4"]}),
        processing_class=tokenizer,
    )
    # Better and worse are of one width where TRL wants them below each other.
    t, w = batch.tensors, losses.worse(batch.tensors)
    wide = t["completion_ids"].size(1)

    def stacked(name, fill=0):
        short = w[name].new_full((len(w[name]), wide - w[name].size(1)), fill)
        return torch.cat([t[name], torch.cat([w[name], short], 1)])

    def joined(left, right):
        return torch.cat([torch.cat([t[left], w[left]]), stacked(right)], 1)

    trained = stacked("tool_mask")
    inputs = {
        "input_ids": joined("prompt_ids", "completion_ids"),
        "attention_mask": joined("prompt_mask", "completion_mask"),
        "completion_mask": torch.cat(
            [torch.zeros(len(trained), t["prompt_ids"].size(1)), trained], 1
        ),
    }
    model.zero_grad()
    wanted = theirs.compute_loss(model, inputs)
    wanted.backward()
    assert found == pytest.approx(wanted.item(), rel=1e-5)
    theirs = torch.cat([p.grad.flatten() for p in model.parameters()])
    torch.testing.assert_close(gradient, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("parts", [1, 3])
def test_pairs_in_microbatches_are_one_mean(model, tokenizer, tmp_path, parts):
    """Four pairs in three parts need two rows of padding."""
    magnet = moved(model)
    settings = ["objective.kind=prefer", f"update.microbatches={parts}"]
    batch = pack_pairs(pairs(), loss="dr_grpo", pad=0, multiple=parts)
    ours = trainer(model, tokenizer, batch, tmp_path, *settings)
    ours.pull(magnet, 0.0)
    shared = [ours._prepare_inputs([{"prompt": ""}] * 2)]
    shared += [ours._buffered_inputs[part] for part in range(1, parts)]
    found = sum(ours.compute_loss(ours.model, part).item() for part in shared)
    whole = pack_pairs(pairs(), loss="dr_grpo", pad=0)
    wanted, _ = learned(model, tokenizer, whole, tmp_path, settings[0], magnet=magnet)
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.4330127], ids=["dr_grpo", "grpo"])
def test_nft_on_policy_points_along_grpos_gradient(model, tokenizer, tmp_path, scale):
    """Three of a group's four samples are right: r − q, divided by the deviation in GRPO."""
    made = rows(4, gradient=(0.0, 0.0), rates=(0.75, 0.75))
    rights = (True, True, False, True)
    weight = 0.25 / scale  # ω = 1 − q, or √((1 − q)/q)
    wanted = [0.25 / scale if right else -0.75 / scale for right in rights]
    nft = [
        each._replace(gradient=(weight if right else -weight,) * 2)
        for each, right in zip(made, rights, strict=True)
    ]
    grpo = [
        each._replace(gradient=(amount,) * 2, rates=())
        for each, amount in zip(made, wanted, strict=True)
    ]
    found = [
        learned(
            model,
            tokenizer,
            on_policy(model, pack(given, loss="dapo", pad=0)),
            tmp_path,
            f"objective.kind={kind}",
            "update.loss=dapo",
        )[1]
        for kind, given in (("nft", nft), ("gradient", grpo))
    ]
    assert cosine(*found) > 0.99999
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-5)


def test_nft_off_policy_is_the_papers_formula():
    logps, old = torch.tensor([[-1.0, -1.0]], requires_grad=True), torch.tensor([[-1.5, -2.0]])
    rates, weights = torch.tensor([[0.4, 0.4]]), torch.tensor([[2.0, -2.0]])
    each = losses.nft(logps, old, weights, rates, epsilon=0.1)
    ratio = torch.exp(torch.tensor(1.0))
    other = (1 - 0.4 * ratio) / 0.6
    assert other < 0.1, "clipped"
    assert each[0].tolist() == pytest.approx([-2 * 0.5, -2 * float(torch.tensor(0.1).log())])
    (gradient,) = torch.autograd.grad(each.sum(), logps)
    # Straight through: the clipped value divides, the gradient is that of what was clipped.
    assert gradient[0].tolist() == pytest.approx([-2, 2 * 0.4 * float(ratio) / 0.6 / 0.1])


def test_topr_on_policy_is_the_gradient(model, tokenizer, tmp_path):
    batch = on_policy(model, pack(rows(), loss="dr_grpo", pad=0))
    one, other = (
        learned(model, tokenizer, batch, tmp_path, f"objective.kind={kind}")[1]
        for kind in ("topr", "gradient")
    )
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_topr_truncates_negatives_by_the_ratio_of_the_whole_sample():
    logps = torch.tensor([[-2.0, -3.0], [-2.0, -3.0], [-1.0, -1.0]], requires_grad=True)
    old = torch.tensor([[-1.0, -1.0], [-1.0, -1.0], [-3.0, -3.0]])
    advantages = torch.tensor([[-1.0, -1.0], [2.0, 2.0], [-1.0, -1.0]])
    each = losses.topr(logps, old, advantages, torch.ones(3, 2), clip=1.0)
    (gradient,) = torch.autograd.grad(each.sum(), logps)
    ratio = float(torch.tensor(-3.0).exp())
    assert gradient.tolist() == [pytest.approx([ratio] * 2), [-2.0, -2.0], [1.0, 1.0]]


def test_w_reinforce_at_1_is_reinforce(model, tokenizer, tmp_path):
    """Plain REINFORCE by hand: −mean over tokens of A ∇ log π."""
    batch = on_policy(model, pack(rows(), loss="dapo", pad=0))
    _, found = learned(
        model, tokenizer, batch, tmp_path, "objective.positive=1", "update.loss=dapo"
    )
    t = batch.tensors
    ids = torch.cat([t["prompt_ids"], t["completion_ids"]], 1)
    mask = torch.cat([t["prompt_mask"], t["completion_mask"]], 1)
    model.zero_grad()
    scores = oracle.logps(model, ids, mask, t["completion_ids"].size(1))
    (-(t["advantages"] * scores * t["tool_mask"]).sum() / t["tool_mask"].sum()).backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters()])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("loss", "parts"), [(loss, 1) for loss in LOSSES] + [(loss, 2) for loss in IN_PARTS]
)
def test_what_is_added_is_averaged_as_trl_averages(model, tokenizer, tmp_path, loss, parts):
    """A pull of factor 1 through our own term is TRL's KL term."""
    magnet, found = moved(model), []
    for pull in ((1.0, 1.0), ()):
        batch = on_policy(model, pack(rows(pull=pull), loss=loss, pad=0, multiple=parts))
        settings = (f"update.loss={loss}", f"update.microbatches={parts}")
        ours = trainer(model, tokenizer, batch, tmp_path, *settings)
        ours.pull(magnet, 0.5)
        model.zero_grad()
        ours.compute_loss(ours.model, ours._prepare_inputs([{"prompt": ""}] * 2)).backward()
        found.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("gradient", ["forward", "reverse"])
def test_a_turn_that_is_free_is_not_pulled(model, tokenizer, tmp_path, gradient):
    """Free at both turns is no pull at all; however far the magnet lies."""
    magnet = moved(model)
    magnet.restore({name: value * 1e3 for name, value in magnet.state().items()})
    free = on_policy(model, pack(rows(pull=(0.0, 0.0)), loss="dr_grpo", pad=0))
    ours = trainer(model, tokenizer, free, tmp_path, f"update.kl_gradient={gradient}")
    ours.pull(magnet, 0.5)
    ours.compute_loss(ours.model, ours._prepare_inputs([{"prompt": ""}] * 2)).backward()
    found = torch.cat([p.grad.flatten() for p in model.parameters()])
    plain = on_policy(model, pack(rows(), loss="dr_grpo", pad=0))
    _, wanted = learned(model, tokenizer, plain, tmp_path)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-7)


def test_imitation_beside_the_gradient_adds_its_own(model, tokenizer, tmp_path):
    def gradient(kind, **components):
        batch = on_policy(model, pack(rows(**components), loss="dr_grpo", pad=0))
        return learned(model, tokenizer, batch, tmp_path, f"objective.kind={kind}")[1]

    both = gradient("gradient", imitate=(0.3, 0.3))
    apart = gradient("gradient") + gradient("imitate", gradient=(0.0, 0.0), imitate=(0.3, 0.3))
    torch.testing.assert_close(both, apart, rtol=1e-4, atol=1e-7)


def test_stored_samples_of_far_weights_leave_the_loss_finite(model, tokenizer, tmp_path):
    batch = pack(rows(rates=(0.5, 0.5)), loss="dr_grpo", pad=0)
    batch.tensors["old_per_token_logps"].fill_(-2000.0)
    for kind in ("nft", "topr"):
        loss, gradient = learned(model, tokenizer, batch, tmp_path, f"objective.kind={kind}")
        assert torch.isfinite(gradient).all(), (kind, loss)
