"""Two processes train as one does, and end together; seen with torchrun and gloo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.config import ConfigError
from sparring.training.recipes import configured
from sparring.training.run import resume, train

from .conftest import alike, children, curve


@pytest.mark.slow
def test_two_processes_have_the_curve_of_one(launch, tmp_path):
    process = launch("spiral", "--config", "menu.toml", "--out", "two")
    one = train(configured("spiral", tmp_path / "menu.toml", [], {"out": str(tmp_path / "one")}))
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert said.count("done: step 4 of 4") == 1
    alike(curve(one.folder), curve(tmp_path / "runs/two"))


@pytest.mark.slow
def test_one_that_is_killed_ends_all_in_one_line_and_the_run_resumes(launch, tmp_path):
    process = launch("spiral", "--config", "menu.toml", "--out", "two", "--steps", "5000")
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

    # The checkpoint is whole: one process goes on from it as two would.
    last = folder.steps[-1]
    done = resume(folder.path, steps=last + 1, quiet=True)
    assert done.step == last + 1
    state = json.loads((folder.checkpoint(last + 1) / "state/sparring.json").read_text())
    assert state["play"]["games"] == 6 * (last + 1)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("rollout.ahead=1", "rollout.ahead = 1 would start a player for each"),
        ("rollout.workers=2", "rollout.workers would get weights from each"),
        ("rollout.engine=http://localhost:1", "rollout.engine = http"),
        ("opponents.mode=league", "a league is kept by one"),
    ],
)
def test_what_several_processes_cannot_do_is_refused_in_one_sentence(
    tmp_path, monkeypatch, setting, told
):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=told):
        train(configured("spiral", None, [setting], {"out": str(tmp_path / "r")}))
    assert not (tmp_path / "r").exists()


def test_weights_that_none_has_whole_are_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(ConfigError, match="DeepSpeed leaves none of them the whole weights"):
        train(configured("spiral", None, [], {"out": str(tmp_path / "r")}))


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"OMPI_COMM_WORLD_SIZE": "2"}, "each would train a run of its own; use torchrun"),
        (
            {"ACCELERATE_MIXED_PRECISION": "no", "MASTER_PORT": "29500"},
            "was to start several processes, and started one",
        ),
    ],
)
def test_one_of_several_that_know_nothing_of_each_other_is_refused(
    tmp_path, monkeypatch, environment, told
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told):
        train(configured("spiral", None, [], {"out": str(tmp_path / "r")}))


ACCELERATE = """
compute_environment: LOCAL_MACHINE
distributed_type: {kind}
num_processes: {count}
num_machines: 1
machine_rank: 0
use_cpu: true
mixed_precision: 'no'
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "count", "told"),
    [
        ("MULTI_CPU", 2, "was to start several processes, and started one"),
        ("FSDP", 2, ""),
        ("'NO'", 1, ""),
    ],
)
def test_accelerate_launch_trains_or_says_in_one_line_why_not(tmp_path, kind, count, told):
    file = tmp_path / "accelerate.yaml"
    file.write_text(ACCELERATE.format(kind=kind, count=count))
    words = ["-m", "accelerate.commands.launch", "--config_file", str(file), "-m", "sparring"]
    words += ["train", "spiral", "--out", "r", "--steps", "1", "--set", "rollout.games=4"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("sparring:")]
    assert [told in line for line in lines] == [True] * bool(told)
    assert (tmp_path / "runs/r/checkpoints/step-1").is_dir() == (not told)
    assert bool(done.returncode) == bool(told)
