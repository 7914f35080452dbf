"""`auto` is settled once, the same for commands, training and its workers."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from sparring.agents.engines import available
from sparring.agents.engines.available import resolved
from sparring.training import run, selfplay
from sparring.training.config import Config, Rollout, settled
from sparring.training.players import learner
from sparring.training.recipes import configured


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
    seen = []

    class Stop(Exception):
        """Enough was seen."""

    def workers(config, policy):
        seen.append(config.rollout.engine)
        raise Stop

    monkeypatch.setattr(learner, "loaded", lambda config, game: None)
    monkeypatch.setattr(selfplay, "SelfPlay", MagicMock())
    monkeypatch.setattr(learner, "on_workers", workers)
    config = configured("spiral", None, ["rollout.workers=2", "rollout.engine=auto"], {})
    with pytest.raises(Stop):
        run.train(config, quiet=True)
    assert seen == ["vllm"]
