"""`auto` is settled once, the same for commands, training and its workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from sparring.agents.engines import available
from sparring.agents.engines.available import resolved
from sparring.arenas.executors import ray_crew
from sparring.training.ahead import workers
from sparring.training.ahead.orders import Setting
from sparring.training.config import Config, Rollout, settled


@pytest.mark.parametrize(
    ("vllm", "gpu", "engine"),
    [
        (True, True, "vllm"),
        (True, False, "transformers"),
        (False, True, "transformers"),
    ],
)
def test_auto_takes_vllm_where_it_is_installed_beside_a_gpu(monkeypatch, vllm, gpu, engine):
    monkeypatch.setattr(available.importlib.util, "find_spec", lambda name: vllm or None)
    monkeypatch.setattr(available, "on_gpu", lambda: gpu)
    assert resolved("auto") == engine
    assert settled(Config(rollout=Rollout(engine="auto"))).rollout.engine == engine


def test_a_named_engine_is_taken_at_its_word():
    assert resolved("server") == "server"


def test_workers_take_the_engine_that_auto_means(monkeypatch):
    """They are made from the settled settings, so `auto` with workers is vLLM where a run alone takes it."""
    monkeypatch.setattr("sparring.training.config.resolved", {"auto": "vllm"}.get)
    made = []
    monkeypatch.setattr(ray_crew, "Crew", lambda work, **_: made.append(work))

    config = settled(Config(rollout=Rollout(engine="auto", workers=2, ahead=1)))
    workers._crew(Setting(config, Path("nowhere")))
    (own,) = [work.args[0].config.rollout for work in made]
    assert (own.engine, own.workers, own.ahead) == ("vllm", 0, 0)
