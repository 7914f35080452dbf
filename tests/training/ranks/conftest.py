"""Several processes that train together, started as users start them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sparring.agents.run_folder import RunFolder

MENU = """
recipe = "spiral"
steps = 4
threads = 1
rollout = {games = 6}
opponents = {mode = "past"}
[record]
evaluate_every = 2
checkpoint_every = 2
tensorboard = false
[[games]]
id = "kuhn-poker-v0"
weight = 5
[[games]]
id = "sums-propose-v0"
parameters = {attempts = 2}
weight = 1
"""
"""A step has one game with a proposer, so one of two processes has none."""


@pytest.fixture
def launch(tmp_path):
    """Start two processes that train together; `sharded`: as accelerate does where it is told of FSDP."""
    file = tmp_path / "menu.toml"
    file.write_text(MENU)
    begun: list[subprocess.Popen[str]] = []

    def start(*words: str, sharded: bool = False) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
        # A free port, whatever else is launched on this machine.
        command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
        command += ["-m", "sparring", "train", *words]
        begun.append(
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env={
                    **os.environ,
                    "OMP_NUM_THREADS": "1",
                    "ACCELERATE_USE_FSDP": str(sharded).lower(),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return begun[-1]

    yield start
    for each in begun:
        each.kill()
        each.wait()


def curve(folder: Path) -> list[dict[str, float]]:
    timed = ("seconds/", "games_per_second")
    return [
        {k: v for k, v in r.items() if v is not None and not k.startswith(timed)}
        for r in RunFolder(folder).records()
    ]


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a launcher started, the first of them first."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return sorted(map(int, found))


def alike(one: list[dict[str, float]], two: list[dict[str, float]]) -> None:
    assert [r.keys() for r in one] == [r.keys() for r in two]
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=2e-3, abs=1e-4)
        for name in a:
            if name.startswith("baseline/") or name.endswith(("samples", "nashconv")):
                assert a[name] == pytest.approx(b[name], rel=1e-4), name
