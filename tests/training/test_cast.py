"""Several learners in a run: who plays what, whose bytes move, what is written and taken up again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sparring.agents.seats import UnknownEntrantError, seat
from sparring.envs.registry import find
from sparring.training.config import Config, ConfigError, games
from sparring.training.data.batch import pack
from sparring.training.data.learners import LEARNER_ROWS, joined
from sparring.training.players.cast import Cast
from sparring.training.players.learner import loaded
from sparring.training.players.opponents import LEARNER
from sparring.training.players.sharing import Learners
from sparring.training.run import resume, train
from sparring.training.settings import override

from .conftest import having, sample

KUHN = find("kuhn-poker-v0")
CAST = "cast={ second = 'challenger' }"
SMALL = (
    "steps=4",
    "rollout.games=32",
    "record.checkpoint_every=2",
    "record.tensorboard=false",
    "update.magnet_every=0",
)
MODES = {"models": ("sharing.mode=models",), "adapters": ("sharing.mode=adapters", "update.lora=2")}


def config(*settings: str) -> Config:
    return override(Config(), [CAST, *SMALL, *settings])


def learners(mode: str) -> Learners:
    found = config(*MODES[mode])
    return Learners(loaded(found, KUHN), Cast(found).names, found.sharing.mode, 0)


def weights(folder: Path, mode: str) -> dict[str, dict[str, torch.Tensor]]:
    name = "model.safetensors" if mode == "models" else "adapter_model.safetensors"
    return {who: load_file(folder / who / name) for who in (".", "challenger")}


def alike(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("mode", MODES)
def test_a_learner_that_learns_in_no_step_keeps_its_bytes_and_the_other_moves(mode, tmp_path):
    run = tmp_path / "r"
    # It is never the third of three steps.
    train(config(*MODES[mode], "learners.challenger.every=3", f"out={run}", "steps=2"), quiet=True)
    now, fresh = weights(run / "checkpoints" / "step-2", mode), learners(mode)
    with fresh.chosen("challenger") as model:
        if mode == "models":
            assert alike(now["challenger"], dict(model.state_dict()))
            assert not alike(now["."], dict(model.state_dict()))
        else:
            assert not any(v.any() for k, v in now["challenger"].items() if "lora_B" in k)
            assert any(v.any() for k, v in now["."].items() if "lora_B" in k)


@pytest.mark.parametrize("mode", MODES)
def test_a_run_of_several_learners_resumes_to_the_same_bytes(mode, tmp_path):
    run = tmp_path / "r"
    train(config(*MODES[mode], "learners.challenger.every=2", f"out={run}"), quiet=True)
    whole = weights(run / "checkpoints" / "step-4", mode)
    resume(f"{run}@2", quiet=True)
    again = weights(run / "checkpoints" / "step-4", mode)
    assert all(alike(whole[who], again[who]) for who in whole)


@pytest.mark.parametrize("mode", MODES)
def test_two_of_equal_weights_and_equal_samples_stay_equal(mode):
    of = learners(mode)
    own, other = (dict(enumerate(of.parameters(name))) for name in (LEARNER, "challenger"))
    with torch.no_grad():
        for place, parameter in own.items():
            other[place].copy_(parameter)

    tokens = torch.tensor([[3, 4, 5, 6]])
    for name in of.policies:
        with of.chosen(name) as model:
            model(input_ids=tokens).logits.log_softmax(-1)[0, :, 7].sum().backward()
    grads = [(own[i].grad, other[i].grad) for i in own]
    assert any(a is not None and a.any() for a, _ in grads)
    for a, b in grads:
        assert (a is None and b is None) or torch.equal(a, b)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("mode", MODES)
def test_each_learner_is_an_entrant_of_its_own(mode, tmp_path):
    run = tmp_path / "r"
    train(config(*MODES[mode], f"out={run}", "steps=2"), quiet=True)
    main, other = (seat(f"{run}{who}@2", KUHN) for who in ("", ":challenger"))
    assert main.ref.id != other.ref.id
    with pytest.raises(UnknownEntrantError, match="did you mean challenger"):
        seat(f"{run}:chalenger@2", KUHN)


def test_each_learner_trains_the_roles_it_plays(tmp_path):
    run = tmp_path / "r"
    train(config(*MODES["models"], f"out={run}", "steps=1"), quiet=True)
    record = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert record["payoff/first"] == -record["payoff/second"]
    assert record["samples"] > 32, "both seats of a game are trained"


def test_a_joined_batch_weighs_each_learner_as_it_would_weigh_alone():
    tokens = [(5, 6), (5, 7, 8), (9, 6)]
    credited = [having(sample(each, (1, len(each))), 1.0) for each in tokens]
    parts = {0: credited[:1], 1: credited[1:]}
    packed = {p: pack(of, loss="dr_grpo", pad=0) for p, of in parts.items()}
    whole = joined(packed, loss="dr_grpo", pad=0, multiple=4)
    rows = len(whole.rows)
    assert rows % 4 == 0
    for place, part in packed.items():
        # The loss divides by all rows: what is left for each learner is its own mean.
        mine = whole.tensors["tool_mask"][whole.tensors[LEARNER_ROWS] == place]
        alone = part.tensors["tool_mask"].sum() / len(part.rows)
        assert mine.sum() / rows == pytest.approx(float(alone))


def test_a_role_of_one_game_goes_before_the_role_in_all():
    cast = Cast(
        config("sharing.mode=models", "cast={ second = 'a', 'kuhn-poker-v0/second' = 'b' }")
    )
    assert cast.of(KUHN, "second") == "b"
    assert cast.of(find("nim-v0"), "second") == "a"
    assert cast.of(KUHN, "first") == LEARNER


def test_a_seat_of_several_may_have_a_learner_of_its_own_which_goes_before_its_roles():
    sums = find("sums-v0", attempts=3)
    asked = override(
        Config(game="sums-v0", parameters={"attempts": 3}),
        ["sharing.mode=models", "cast={ solver = 'a', solver_2 = 'b', 'sums-v0/solver_1' = 'c' }"],
    )
    games(asked)
    cast = Cast(asked)
    assert [cast.of(sums, "solver", f"solver_{k}") for k in range(3)] == ["a", "c", "b"]
    assert cast.of(sums, "solver") == "a"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([], "sharing.mode = one has one learner"),
        (["sharing.mode=adapters"], "update.lora"),
        (["sharing.mode=models", "update.lora=2"], "update.lora = 0"),
        (["sharing.mode=models", "learners.chalenger.every=2"], "plays no role"),
        (
            ["sharing.mode=models", "learners.challenger.every=2", "learners.main.every=2"],
            "no learner learns in every step",
        ),
        (
            ["sharing.mode=models", "learners.challenger.every=2", "credits.trained=second"],
            r"of the learners whose roles are trained \(challenger\) none learns in every step",
        ),
        (
            ["sharing.mode=models", "learners.challenger.every=2", "cast.first=challenger"],
            r"whose roles are trained \(challenger\) none",
        ),
        (["sharing.mode=models", "learners.challenger.every=0"], "from 1 to"),
        (["sharing.mode=models", "cast={ third = 'x' }"], "the roles are first, second"),
        (["sharing.mode=models", "cast={ second = 3 }"], "names a learner by letters"),
        (["sharing.mode=models", "cast={ second = 'state' }"], "choose another name"),
        (["sharing.mode=models", "opponents.mode=past"], "one learner"),
    ],
)
def test_a_cast_that_cannot_be_trained_is_refused_in_one_line(settings, told):
    with pytest.raises(ConfigError, match=told) as refusal:
        games(config(*settings))
    assert "\n" not in str(refusal.value)
