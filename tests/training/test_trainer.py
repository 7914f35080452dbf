"""TRL's path against the plain loop on the same samples, and a contract with TRL's private hook."""

import copy
import inspect
import random
from pathlib import Path

import pytest
import torch
from sparring.training.config import Config
from sparring.training.data.advantage import NonFiniteError
from sparring.training.data.batch import pack
from sparring.training.settings import override
from sparring.training.trainer import SelfPlayTrainer
from sparring.training.weights import Average
from trl.trainer.grpo_trainer import GRPOTrainer

from . import oracle
from .conftest import WORDS, having, sample


def samples(step: int, count: int = 24):
    rng = random.Random(step)
    kinds = [[rng.randrange(2, WORDS) for _ in range(rng.randrange(4, 9))] + [1] for _ in range(6)]
    made = [rng.choice(kinds) for _ in range(count)]
    return [
        having(
            sample(kind, (2, 3), (len(kind) - 1, len(kind)), episode=i, logprob=-3.5),
            rng.choice((-2.0, -1.0, 1.0)),
            rng.choice((-1.0, 1.0)),
        )
        for i, kind in enumerate(made)
    ]


def source(loss: str, *, fold: bool = False, multiple: int = 1):
    def packed(step: int):
        return pack(samples(step), loss=loss, pad=0, fold=fold, multiple=multiple)

    return packed


def config(*settings: str, steps: int = 5) -> Config:
    fixed = [f"steps={steps}", "update.lr=0.01", "rollout.max_tokens=4"]
    return override(Config(), fixed + list(settings))


def trainer(model, tokenizer, packed, settings: Config, folder: Path) -> SelfPlayTrainer:
    return SelfPlayTrainer(model, tokenizer, settings, packed, folder=folder)


@pytest.mark.parametrize("kind", ["dr_grpo", "dapo"])
@pytest.mark.parametrize(("kl", "gradient"), [(0.0, "forward"), (0.5, "forward"), (0.5, "reverse")])
def test_a_step_has_the_loss_and_gradient_of_the_plain_loop(
    model, tokenizer, tmp_path, kind, kl, gradient
):
    magnet_model = copy.deepcopy(model)
    for parameter in magnet_model.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    plain = copy.deepcopy(model)
    ours = trainer(
        model,
        tokenizer,
        source(kind),
        config(f"update.loss={kind}", f"update.kl_gradient={gradient}"),
        tmp_path,
    )
    if kl:
        magnet = Average(model)
        magnet.restore(dict(magnet_model.named_parameters()))
        ours.pull(magnet, kl)
    ours.model.train()
    inputs = ours._prepare_inputs([{"prompt": ""}] * 2)
    ours.current_gradient_accumulation_steps = 1
    found = ours.compute_loss(ours.model, inputs)
    found.backward()
    tensors = source(kind)(0).tensors
    wanted = oracle.loss(
        plain,
        tensors,
        kind=kind,
        reference=magnet_model if kl else None,
        kl=kl,
        reverse=gradient == "reverse",
        longest=4,
    )
    wanted.backward()
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)
    for (name, mine), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-7, msg=name)


@pytest.mark.parametrize(
    ("kind", "fold", "microbatches"),
    [
        ("dr_grpo", False, 1),
        ("dr_grpo", True, 1),
        ("dapo", True, 1),
        ("dapo", False, 5),
        ("dr_grpo", False, 5),
    ],
)
def test_training_ends_at_the_weights_of_the_plain_loop(
    model, tokenizer, tmp_path, kind, fold, microbatches
):
    """Folding, microbatches and padding rows change no weight: the plain loop has none of them.

    Where samples are as the policy drew them, that is: the ratio is 1 and nothing is clipped.
    """
    model = (
        model.double()
    )  # Adam divides by the gradient's size: in single precision it blows up rounding
    plain = copy.deepcopy(model)

    def on_policy(which):
        def packed(step: int, **options):
            batch = pack(samples(step), loss=kind, pad=0, **options)
            t = dict(batch.tensors)
            ids = torch.cat([t["prompt_ids"], t["completion_ids"]], 1)
            mask = torch.cat([t["prompt_mask"], t["completion_mask"]], 1)
            with torch.no_grad():
                t["old_per_token_logps"] = oracle.logps(
                    which, ids, mask, t["completion_ids"].size(1)
                )
            return type(batch)(t, batch.rows)

        return packed

    drawn, plainly = on_policy(model), on_policy(plain)
    # The same sums in the same order, that is: `data/test_scores.py` compares the forest's.
    settings = config(
        f"update.loss={kind}", f"update.microbatches={microbatches}", "update.forest=off"
    )
    ours = trainer(
        model,
        tokenizer,
        lambda step: drawn(step, fold=fold, multiple=microbatches),
        settings,
        tmp_path,
    )
    ours.train()
    list(oracle.train(plain, plainly, 5, lr=0.01, kind=kind, longest=4))
    for (name, mine), other in zip(model.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=2e-5, msg=name)


def test_trls_private_hook_is_as_we_override_it():
    """If this fails after an upgrade of TRL, read `SelfPlayTrainer` anew before changing it."""
    hook = GRPOTrainer._generate_and_score_completions
    assert list(inspect.signature(hook).parameters) == ["self", "inputs"]
    text = inspect.getsource(GRPOTrainer)
    assert text.count("self._generate_and_score_completions(") == 2
    for key in ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask", "advantages"):
        assert f'inputs["{key}"]' in text
    for key in ("old_per_token_logps", "ref_per_token_logps", "tool_mask", "num_items_in_batch"):
        assert f'"{key}"' in text
    assert "if advantages.dim() == 1" in text
    scored = inspect.signature(GRPOTrainer._get_per_token_logps_and_entropies).parameters
    assert list(scored)[:5] == ["self", "model", "input_ids", "attention_mask", "logits_to_keep"]
    assert text.count("self._get_per_token_logps_and_entropies(") >= 2
    assert "compute_entropy=True," in text


def test_few_logits_held_whole_score_as_trls_tiles_do(model, tokenizer, tmp_path):
    ours = trainer(model, tokenizer, source("dapo"), config("rollout.temperature=0.7"), tmp_path)
    t = source("dapo")(0).tensors
    ids = torch.cat([t["prompt_ids"], t["completion_ids"]], 1)
    mask = torch.cat([t["prompt_mask"], t["completion_mask"]], 1)
    found, wanted = [], []
    for scores, method in (
        (found, ours._get_per_token_logps_and_entropies),
        (wanted, super(SelfPlayTrainer, ours)._get_per_token_logps_and_entropies),
    ):
        model.zero_grad()
        logps, entropies, _ = method(
            model, ids, mask, t["completion_ids"].size(1), compute_entropy=True
        )
        logps.sum().backward()
        seen = t["completion_mask"]
        scores += [logps, entropies * seen, *[p.grad.clone() for p in model.parameters()]]
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_every_setting_of_the_update_reaches_trl(model, tokenizer, tmp_path):
    given = {
        "clip_norm": ("max_grad_norm", 0.7),
        "clip_ratio": ("epsilon", 0.13),
        "beta1": ("adam_beta1", 0.81),
        "beta2": ("adam_beta2", 0.93),
        "weight_decay": ("weight_decay", 0.03),
        "schedule": ("lr_scheduler_type", "constant"),
        "warmup": ("warmup_steps", 3),
        "iterations": ("num_iterations", 2),
        "lr": ("learning_rate", 0.02),
        "loss": ("loss_type", "dapo"),
    }
    settings = [f"update.{name}={value}" for name, (_, value) in given.items()]
    ours = trainer(
        model,
        tokenizer,
        source("dapo"),
        config(*settings, "rollout.temperature=0.7", "seed=5"),
        tmp_path,
    )
    for name, (theirs, value) in given.items():
        assert getattr(ours.args, theirs) == value, name
    assert (ours.temperature, ours.args.seed, ours.beta) == (0.7, 5, 0.0)
    ours.pull(Average(model), 0.5)
    assert ours.beta == 0.5


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_sampler_gap_is_taken_at_the_temperature_of_play(
    model, tokenizer, tmp_path, temperature
):
    tensors = dict(source("dapo")(0).tensors)
    ids = torch.cat([tensors["prompt_ids"], tensors["completion_ids"]], 1)
    mask = torch.cat([tensors["prompt_mask"], tensors["completion_mask"]], 1)
    keep = tensors["completion_ids"].size(1)
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask).logits[:, -keep - 1 : -1] / temperature
    drawn = logits.log_softmax(-1).gather(-1, ids[:, -keep:, None])[..., 0]
    tensors["old_per_token_logps"] = drawn
    ours = trainer(
        model, tokenizer, source("dapo"), config(f"rollout.temperature={temperature}"), tmp_path
    )
    assert ours._gap(tensors) < 1e-5
    tensors["old_per_token_logps"] = drawn - 0.25
    assert ours._gap(tensors) == pytest.approx(0.25, abs=1e-5)


def test_advantages_of_each_token_count_on_their_own(model, tokenizer, tmp_path):
    """TRL takes (B, T): a turn's advantage must move that turn's tokens only."""
    ours = trainer(model, tokenizer, source("dapo"), config("update.loss=dapo"), tmp_path)
    ours.model.train()
    inputs = ours._prepare_inputs([{"prompt": ""}] * 2)
    ours.current_gradient_accumulation_steps = 1
    whole = ours.compute_loss(model, inputs).item()
    halves = []
    for part in (slice(0, 1), slice(1, None)):
        cut = inputs | {"advantages": torch.zeros_like(inputs["advantages"])}
        cut["advantages"][:, part] = inputs["advantages"][:, part]
        halves.append(ours.compute_loss(model, cut).item())
    assert whole == pytest.approx(sum(halves), rel=1e-4, abs=1e-6)
    assert abs(halves[0]) > 1e-3 < abs(halves[1])


def test_a_gradient_that_is_not_finite_stops_before_the_step_and_names_samples(
    model, tokenizer, tmp_path
):
    before = copy.deepcopy(model.state_dict())

    def poisoned(step: int):
        batch = source("dapo")(step)
        batch.tensors["advantages"][0] = float("nan")
        return batch

    ours = trainer(model, tokenizer, poisoned, config("update.loss=dapo"), tmp_path)

    class Check(type(ours.callback_handler.callbacks[0])):
        def on_pre_optimizer_step(self, *arguments, **named):
            ours.check()

    ours.add_callback(Check())
    with pytest.raises(NonFiniteError, match=r"step 0 is not finite; its samples: g-v0 seed"):
        ours.train()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_magnet_moves_by_shares_and_is_worn_only_inside(model):
    magnet = Average(model)
    own = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.data.add_(1.0)
    magnet.move(0.25)
    with magnet.worn():
        for parameter, was in zip(model.parameters(), own, strict=True):
            torch.testing.assert_close(parameter.data, was + 0.25)
    for parameter, was in zip(model.parameters(), own, strict=True):
        torch.testing.assert_close(parameter.data, was + 1)
