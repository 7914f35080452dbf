"""A run whose games are played by engines on Ray workers."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from sparring.agents.run_folder import RunFolder
from sparring.training.recipes import configured
from sparring.training.run import train

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
SMALL = [
    "rollout.games=8",
    "steps=3",
    "record.evaluate_every=3",
    "record.checkpoint_every=3",
    "record.metrics_every=1",
    "record.probe_every=1",
    "record.tensorboard=false",
    "threads=1",
]


@pytest.mark.parametrize("lora", ["update.lora=0", "update.lora=2"])
def test_workers_play_with_the_weights_of_every_step(tmp_path, lora):
    curves = {}
    for workers in (0, 2):
        out = tmp_path / f"{workers}"
        config = configured(
            "spiral", None, [*SMALL, lora, f"rollout.workers={workers}"], {"out": str(out)}
        )
        train(config, quiet=True)
        timed = ("seconds/", "games_per_second", "player_seconds/", "wait_seconds", "age")
        curves[workers] = [
            {k: v for k, v in r.items() if not k.startswith(timed)}
            for r in RunFolder(out).records()
        ]
        assert all(r["sampler_gap"] < 1e-4 for r in RunFolder(out).records() if "sampler_gap" in r)
    # a part has four of the eight games, so batches differ, and with them the last bits
    for ours, theirs in zip(curves[2], curves[0], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)


@pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed here; see .ci/vllm.sh")
@pytest.mark.timeout(1500)
def test_a_worker_may_be_an_engine_of_vllm_that_follows_the_learners_adapter(tmp_path):
    settings = [
        *SMALL,
        "update.lora=4",
        "update.lr=5e-3",
        "rollout.workers=1",
        "rollout.engine=vllm",
    ]
    config = configured("spiral", None, settings, {"out": str(tmp_path / "run")})
    train(config, quiet=True)
    records = [record for record in RunFolder(tmp_path / "run").records() if record["step"]]
    assert [record["step"] for record in records] == [1, 2, 3]
    assert all(
        record["sampler_gap"] < 1e-3 for record in records
    )  # what was played is what is trained
