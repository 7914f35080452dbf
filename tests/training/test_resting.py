"""Steps that have nothing to train on: a first one is refused, later ones rest, and not for ever."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sparring.agents.models.weights import find_model
from sparring.agents.run_folder import RunFolder
from sparring.envs.registry import find, game
from sparring.envs.script import Script, ask, note
from sparring.training.config import Config
from sparring.training.recipes import configured
from sparring.training.run import resume, train
from sparring.training.step import EmptyStepError

BUTTONS = ("check", "bet")
ERRAND = "test-errand-v0"


@game(ERRAND, roles={"giver": 1, "runner": 1}, max_turns=2, payoff_range=(0, 1), score="payoff")
def errand() -> Script:
    """The runner is asked where the giver bets. Named as in poker, whose model can press them."""
    given = yield from ask("giver", "K", choices=BUTTONS)
    yield from note("gate", "ok" if given == "bet" else "refused")
    if given == "check":
        return {"giver": 0.0, "runner": 0.0}
    ran = yield from ask("runner", "K", choices=BUTTONS)
    return {"giver": 1.0, "runner": float(ran == "bet")}


def config(out: Path, *settings: str) -> Config:
    model = str(find_model("tiny", find("kuhn-poker-v0")).folder)
    small = [
        f"game={ERRAND}",
        'credits.trained=["runner"]',
        "rollout.games=1",
        "steps=8",
        "update.lr=3e-3",
        "record.evaluate_every=0",
        "record.checkpoint_every=1",
        "record.keep=100",
        "record.metrics_every=1",
        "record.tensorboard=false",
        "threads=1",
        *settings,
    ]
    return configured("spiral", None, small, {"out": str(out), "model": model})


def weights(run: Path, step: int, of: str = ".") -> dict[str, torch.Tensor]:
    return load_file(next((run / f"checkpoints/step-{step}" / of).glob("*model.safetensors")))


def moved(run: Path, of: str = ".") -> list[int]:
    """The saved steps, but for the first, whose weights are others than those saved before."""
    steps = sorted(int(path.name[5:]) for path in (run / "checkpoints").iterdir())
    held = {step: weights(run, step, of) for step in steps}
    return [
        b for a, b in pairwise(steps) if any(not v.equal(held[a][k]) for k, v in held[b].items())
    ]


WAYS = ("update.iterations=1", "update.iterations=2", "update.microbatches=2", "rollout.games=2")


@pytest.mark.parametrize("way", WAYS)
def test_a_later_step_without_anything_to_train_on_changes_no_weight(tmp_path, way):
    """It ended the run. Under a KL term and momentum, which move weights without any advantage."""
    run = tmp_path / "r"
    train(config(run, "seed=3", way), quiet=True)
    records = RunFolder(run).records()
    rested = [r["step"] for r in records if r.get("rested")]
    assert rested
    assert rested == [r["step"] for r in records if not r["samples"]]
    saved = range(2, 9) if "iterations=2" not in way else range(4, 9, 2)
    assert moved(run) == [step for step in saved if step not in rested]


def test_what_a_resting_step_lacks_is_said(tmp_path, capsys):
    train(config(tmp_path / "r", "seed=3", "steps=2"))
    said = (
        "step 2 rests, having nothing to train on: no role that is trained was asked (proposals: "
    )
    assert capsys.readouterr().out.count(said + "refused 1); play more games\n") == 1


def test_a_run_goes_on_from_a_step_that_rested_to_the_same_bytes(tmp_path):
    run = tmp_path / "r"
    train(config(run, "seed=2"), quiet=True)
    whole, told = weights(run, 8), RunFolder(run).records()
    state = json.loads((run / "checkpoints/step-6/state/sparring.json").read_text())
    assert state["play"]["rested"] == 2, "of steps 5 and 6"

    resume(f"{run}@6", quiet=True)
    again = weights(run, 8)
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert [r["samples"] for r in RunFolder(run).records()] == [r["samples"] for r in told]


def test_a_run_ends_where_more_steps_in_a_row_rest_than_may(tmp_path, monkeypatch):
    monkeypatch.setattr("sparring.training.step.RESTS", 3)
    why = "step 7 has nothing to train on, as had the 3 steps before it: forfeit "
    with pytest.raises(EmptyStepError, match=why):
        train(config(tmp_path / "r", "seed=3"), quiet=True)


def test_one_game_of_a_menu_rests_while_the_other_is_trained(tmp_path):
    menu = f'games=[{{id="{ERRAND}"}},{{id="kuhn-poker-v0"}}]'
    trained = 'credits.trained=["runner","first","second"]'
    run = tmp_path / "r"
    train(config(run, menu, trained, "seed=3", "rollout.games=2"), quiet=True)
    records = RunFolder(run).records()
    resting = [r["step"] for r in records if not r[f"{ERRAND}/samples"]]
    assert resting
    assert not any(r.get("rested") for r in records)
    assert moved(run) == list(range(2, 9))


@pytest.mark.parametrize("mode", ["models", "adapters"])
def test_one_of_two_learners_rests_while_the_other_is_trained(tmp_path, mode):
    run = tmp_path / "r"
    cast = ("cast={runner='challenger'}", f"sharing.mode={mode}", "credits.trained=[]")
    adapters = ("update.lora=2",) if mode == "adapters" else ()
    train(config(run, *cast, *adapters, "seed=3"), quiet=True)
    records = RunFolder(run).records()
    ran = {r["step"]: r["reply_tokens/runner"] is not None for r in records}
    # A forfeit of the runner's leaves the giver without a sample.
    gave = {r["step"]: r["samples"] > ran[r["step"]] for r in records}
    assert set(ran.values()) == {True, False}
    assert moved(run, "challenger") == [step for step in range(2, 9) if ran[step]]
    assert moved(run) == [step for step in range(2, 9) if gave[step]]
