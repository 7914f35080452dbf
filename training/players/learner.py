"""Who answers for the learner: the trained model itself, or copies of it on workers that get its weights."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from ...agents.engines.available import on_gpu
from ...agents.engines.follower import Following
from ...agents.language.transformer import Transformer
from ...agents.models.load import load_model
from ...agents.policy import Policy, Sampling, Wrapper
from ...envs.registry import Game
from ..config import Config, ConfigError, played
from .sent import opened, saved

if TYPE_CHECKING:
    from ...arenas.executors.ray_fleet import Fleet


class Player(Policy, Protocol):
    """A policy that plays as the learner."""

    def sync(self, learner: Transformer) -> None:
        """Play with the learner's present weights, and under its reference, from now on."""
        ...


class Itself(Wrapper):
    """The learner's own model plays."""

    def sync(self, learner: Transformer) -> None:
        """It has the weights already."""


class OnWorkers(Wrapper):
    """Engines in a fleet play, and are sent the learner's weights before each step.

    Copies of its model get the trained parameters; engines of vLLM (`files`) an adapter or a model as files.
    """

    def __init__(self, fleet: Fleet, *, files: bool = False) -> None:
        super().__init__(fleet)
        self._fleet = fleet
        self._files = files

    def sync(self, learner: Transformer) -> None:
        self._fleet.publish(_files(learner) if self._files else _trained(learner), learner.ref)


def _trained(learner: Transformer) -> dict[str, torch.Tensor]:
    return {
        name: p.detach().cpu() for name, p in learner.model.named_parameters() if p.requires_grad
    }


def _files(learner: Transformer) -> dict[str, bytes]:
    with saved(learner) as folder:
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@contextmanager
def on_workers(config: Config, learner: Transformer) -> Generator[OnWorkers]:
    """The settings' fleet, closed at the end. Raises ConfigError where Ray is not installed."""
    try:
        from ...arenas.executors.ray_fleet import Fleet
    except ImportError as fault:
        raise ConfigError(
            f"rollout.workers needs Ray ({fault}); pip install 'sparring[ray]', or set it to 0"
        ) from fault
    rollout = config.rollout
    resources = {"num_gpus": 1} if on_gpu() else {"num_cpus": 1}
    vllm = rollout.engine == "vllm"
    fleet = Fleet(
        partial(vllm_engine if vllm else engine, config),
        learner.ref,
        workers=rollout.workers,
        resources=resources,
        address=rollout.cluster or None,
    )
    with fleet:
        yield OnWorkers(fleet, files=vllm)


def engine(config: Config) -> Transformer:
    """A copy of the run's model under its sampling, made where it is called."""
    if config.threads:
        torch.set_num_threads(config.threads)
    return loaded(config, played(config)).with_sampling(sampling(config))


def vllm_engine(config: Config) -> Following:
    """vLLM on the run's base model, in the process that calls; it ends with that process."""
    return Following(opened(config, played(config)), sampling(config))


def sampling(config: Config) -> Sampling:
    """How the learner's replies are drawn."""
    return Sampling(config.rollout.temperature, 1.0, config.rollout.max_tokens)


def loaded(config: Config, game: Game) -> Transformer:
    """The model that the settings name, with a fresh adapter where one is trained."""
    device = "cuda" if on_gpu() else "cpu"
    policy = load_model(config.model, game, seed=config.seed, device=device)
    if config.update.lora:
        policy.model = _with_lora(policy.model, config)
    return policy


def _with_lora(model: Any, config: Config) -> Any:
    from peft import LoraConfig, get_peft_model

    rank = config.update.lora
    settings = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    with torch.random.fork_rng():  # adapters begin with noise of torch's global generator
        torch.manual_seed(config.seed)
        return get_peft_model(model, settings)
