"""Weights, gradients and Adam's moments in shares on two processes: the run is that of one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from sparring.agents.run_folder import RunFolder
from sparring.training.config import ConfigError
from sparring.training.recipes import configured
from sparring.training.run import resume, train

from .conftest import alike, children, curve


def one(tmp_path: Path, *settings: str) -> Path:
    """The run of one process."""
    asked = configured("spiral", tmp_path / "menu.toml", settings, {"out": str(tmp_path / "one")})
    return train(asked, quiet=True).folder


def played(folder: Path) -> list[dict[str, float]]:
    """The curve without means over microbatches, of which each process has others."""
    return [
        {k: v for k, v in record.items() if k not in ("kl", "entropy", "clip_ratio")}
        for record in curve(folder)
    ]


def near(run: Path, other: Path, step: int) -> None:
    """Both end with the same weights and the same moments, to rounding."""
    found, beside = (each / f"checkpoints/step-{step}" for each in (run, other))
    weights, others = (load_file(each / "model.safetensors") for each in (found, beside))
    for name, value in weights.items():
        assert float((value - others[name]).abs().max()) < 1e-5, name
    moments, theirs = (
        torch.load(each / "optimizer.pt", weights_only=True)["state"] for each in (found, beside)
    )
    assert moments.keys() == theirs.keys()
    for place, state in moments.items():
        assert float((state["exp_avg"] - theirs[place]["exp_avg"]).abs().max()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [(), ("update.tokens_at_once=48",), ("update.microbatches=3", "update.iterations=2")],
    ids=["whole batches", "in parts of few tokens", "in microbatches, twice"],
)
def test_two_processes_with_shares_have_the_run_of_one(launch, tmp_path, settings):
    """With few tokens at a time one process has more parts than the other, and both make as many passes."""
    words = [word for each in settings for word in ("--set", each)]
    process = launch("spiral", "--config", "menu.toml", "--out", "two", *words, sharded=True)
    alone = one(tmp_path, *settings)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    alike(played(alone), played(tmp_path / "runs/two"))
    near(alone, tmp_path / "runs/two", 4)


@pytest.mark.slow
def test_any_number_of_processes_goes_on_from_what_shares_wrote_and_the_reverse(launch, tmp_path):
    process = launch("spiral", "--config", "menu.toml", "--out", "two", sharded=True)
    alone, two = one(tmp_path), tmp_path / "runs/two"
    said, _ = process.communicate()
    assert process.returncode == 0, said

    for folder in (alone, two):
        shutil.copytree(folder, tmp_path / f"runs/{folder.name}-left")
        shutil.rmtree(tmp_path / f"runs/{folder.name}-left/checkpoints/step-4")
    process = launch("--resume", "one-left", sharded=True)
    resume(tmp_path / "runs/two-left", quiet=True)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    for name in ("one-left", "two-left"):
        alike(curve(alone), curve(tmp_path / "runs" / name))
        near(alone, tmp_path / "runs" / name, 4)


@pytest.mark.slow
def test_one_that_is_killed_ends_all_in_one_line_and_the_run_resumes(launch, tmp_path):
    words = ["spiral", "--config", "menu.toml", "--out", "two", "--steps", "5000"]
    process = launch(*words, sharded=True)
    folder = RunFolder(tmp_path / "runs/two")
    while not folder.steps and process.poll() is None:
        time.sleep(0.05)
    os.kill(children(process)[-1], signal.SIGKILL)
    said, _ = process.communicate()
    assert process.returncode != 0
    assert [line for line in said.splitlines() if line.startswith("sparring:")] == [
        "sparring: another of the processes that train together is gone; resume the run from its last "
        "checkpoint"
    ]

    last = folder.steps[-1]
    process = launch("--resume", "two", "--steps", str(last + 1), sharded=True)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    state = json.loads((folder.checkpoint(last + 1) / "state/sparring.json").read_text())
    assert state["play"]["games"] == 6 * (last + 1)


@pytest.mark.parametrize(
    ("settings", "environment", "told"),
    [
        (["update.lora=2"], {}, "with update.lora = 2 those are few"),
        (["sharing.mode=models", "cast={second='b'}"], {}, "of one learner; launch without FSDP"),
        ([], {"FSDP_OFFLOAD_PARAMS": "true"}, "set fsdp_offload_params: false"),
        (["update.forest=on"], {}, "update.forest = on scores rows in several passes"),
        (["update.kl=1", "update.kl_exact=true"], {}, "update.kl_exact computes with the magnet's"),
    ],
)
def test_what_shares_cannot_do_is_refused_in_one_sentence(
    tmp_path, monkeypatch, settings, environment, told
):
    for name, value in {"WORLD_SIZE": "2", "ACCELERATE_USE_FSDP": "true", **environment}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told):
        train(configured("spiral", None, settings, {"out": str(tmp_path / "r")}))
    assert not (tmp_path / "r").exists()
