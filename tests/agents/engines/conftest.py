"""The engines under test: one tiny model and two adapters of it, behind each backend."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from sparring.agents.engines.child import Child
from sparring.agents.engines.hosts import Host, open_host
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.lora import with_adapter
from sparring.agents.models.weights import find_model
from sparring.agents.policy import Request, Sampling
from sparring.envs.registry import Game
from sparring.envs.types import Reply

VLLM = importlib.util.find_spec("vllm") is not None
needs_vllm = pytest.mark.skipif(not VLLM, reason="vLLM is not installed here; see .ci/vllm.sh")


@dataclass
class Backend:
    """One engine: the base as a policy, how to seat an adapter, and how to score and speak at once."""

    base: Any
    adopt: Callable[[Path, str], Any]
    host: Host | None = None

    def reply(self, requests: Sequence[Request], policy: Any = None) -> list[Reply]:
        return list(asyncio.run((policy or self.base).act(requests)))


@pytest.fixture(scope="session")
def adapters(kuhn: Game, tiny: Transformer, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two adapters over all projections, far from the base and from each other."""
    made: list[Path] = []
    for seed in (1, 2):
        config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
        model: Any = get_peft_model(copy.deepcopy(tiny.model), config)
        model.peft_config["default"].base_model_name_or_path = str(find_model("tiny", kuhn).folder)
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.data = 0.15 * torch.randn(parameter.shape, generator=generator)
        made.append(tmp_path_factory.mktemp("adapters") / f"adapter-{seed}")
        model.save_pretrained(made[-1])
    return made


@pytest.fixture(scope="session")
def child(kuhn: Game, tiny: Transformer) -> Iterator[Child]:
    """A vLLM server on the tiny model."""
    from sparring.agents.engines.wide_heads import widened

    with Child(widened(find_model("tiny", kuhn)), dtype="float32") as running:
        yield running


@pytest.fixture(scope="session")
def host(kuhn: Game, tiny: Transformer) -> Iterator[Host]:
    """vLLM in this process on the tiny model."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with open_host("vllm", "tiny", kuhn, sampling=tiny.sampling) as opened:
        yield opened


@pytest.fixture(
    scope="session",
    params=[
        "transformers",
        pytest.param("vllm", marks=needs_vllm),
        pytest.param("server", marks=[needs_vllm, pytest.mark.timeout(900)]),
    ],
)
def backend(request: pytest.FixtureRequest, kuhn: Game, tiny: Transformer) -> Iterator[Backend]:
    if request.param == "transformers":
        base = load_model("tiny", kuhn, sampling=tiny.sampling)
        yield Backend(base, lambda folder, name: with_adapter(base, folder, name))
    elif request.param == "vllm":
        opened: Host = request.getfixturevalue("host")
        yield Backend(opened.base, lambda folder, name: opened.adopt(folder, name), opened)
    else:
        running: Child = request.getfixturevalue("child")
        with open_host(running.url, "tiny", kuhn, sampling=tiny.sampling) as served:
            yield Backend(served.base, lambda folder, name: served.adopt(folder, name), served)


@pytest.fixture
def hot() -> Sampling:
    """Hot enough that a tiny model leaves its moves and babbles."""
    return Sampling(temperature=2.0, max_tokens=12)  # the hottest that vLLM takes
