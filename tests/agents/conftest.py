"""One tiny model for Kuhn poker, built once for all tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from sparring.agents.models import load_model
from sparring.agents.policy import Sampling
from sparring.agents.transformer import Transformer
from sparring.envs.registry import Game, find


@pytest.fixture(scope="session")
def kuhn() -> Game:
    return find("kuhn-poker-v0")


@pytest.fixture(scope="session")
def tiny(kuhn: Game, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transformer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.set_num_threads(1)
        yield load_model("tiny", kuhn, sampling=Sampling(max_tokens=8))
