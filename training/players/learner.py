"""Who answers for the learner: the trained model itself, or an engine of vLLM.

Whoever it is gets the learner's present weights before every step: nothing is sent to the model itself,
files to vLLM.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import torch
from torch.nn import Linear

from ...agents.engines.available import on_gpu
from ...agents.engines.follower import Following
from ...agents.engines.hosts import Host, open_host
from ...agents.language.transformer import Transformer
from ...agents.models.load import load_model
from ...agents.models.quantised import QUANTISED
from ...agents.models.weights import quiet
from ...agents.policy import Policy, Renamed, Sampling, Wrapper
from ...envs.registry import Game
from ..config import Config, ConfigError, played
from .thinking import thinking


class Player(Policy, Protocol):
    """A policy that plays as the learner."""

    def sync(self, learner: Transformer) -> None:
        """Play with the learner's present weights, and under its reference, from now on."""
        ...


class Itself(Wrapper):
    """The learner's own model plays."""

    def sync(self, learner: Transformer) -> None:
        """It has the weights already."""


class OnEngine(Renamed):
    """An engine of vLLM plays, under the learner's name, with what `sync` sent last.

    That is an adapter under a name of its own, or all weights.
    """

    def __init__(self, host: Host, learner: Transformer) -> None:
        self._there = Following(host, learner.sampling)
        self.host = host
        super().__init__(self._there, learner.ref)

    def sync(self, learner: Transformer) -> None:
        """Play with the learner's present weights from now on. No game of the learner may be running."""
        self._there.take(saved(learner), learner.weights)
        self._ref = learner.ref

    def close(self) -> None:
        self._there.close()


@contextmanager
def answering(config: Config, game: Game, learner: Transformer) -> Generator[Player]:
    """Whoever the settings let answer for the learner, closed at the end.

    Raises ConfigError and HostError for an engine that is not here.
    """
    if config.rollout.engine != "transformers":
        with opened(config, game) as host:
            player = OnEngine(host, learner)

            try:
                yield player
            finally:
                player.close()
    else:
        yield Itself(learner)


def opened(config: Config, game: Game) -> Host:
    """The engine that the settings name, with the run's base model. Raises HostError."""
    rank = config.update.lora
    return open_host(
        config.rollout.engine,
        config.model,
        game,
        seed=config.seed,
        thinking=thinking(config),
        # Past selves, and two of the learner's: the next one is loaded before the last is retired.
        adapters=(config.opponents.held + 2) if rank else 0,
        # vLLM takes these ranks only; a smaller adapter fits into a larger place.
        rank=next((size for size in (8, 16, 32, 64, 128, 256) if size >= rank), rank),
    )


def copied(config: Config) -> Transformer:
    """A copy of the run's model, made in the process that calls."""
    # The learner's setting does not reach into another process.
    if config.threads:
        torch.set_num_threads(config.threads)
    return loaded(config, played(config))


def sampling(config: Config) -> Sampling:
    """How the learner's replies are drawn."""
    return Sampling(config.rollout.temperature, 1.0, config.rollout.max_tokens)


def loaded(config: Config, game: Game) -> Transformer:
    """The model that the settings name, under their sampling, with a fresh adapter where one is trained.

    A model that is an adapter on its base is trained on itself. Raises ConfigError for one of another rank.
    """
    device = "cuda" if on_gpu() else "cpu"
    policy = load_model(
        config.model,
        game,
        seed=config.seed,
        thinking=thinking(config),
        device=device,
        dtype=config.update.dtype,
    )
    if hasattr(policy.model, "peft_config"):
        _go_on(policy.model, config)
    elif config.update.lora:
        policy.model = _with_lora(policy.model, config)
    return policy.with_sampling(sampling(config))


def saved(learner: Transformer) -> tempfile.TemporaryDirectory[str]:
    """The learner's adapter as files, or all its weights where it has none."""
    model: Any = learner.model
    files = tempfile.TemporaryDirectory(prefix="sparring-")
    with quiet():
        if hasattr(model, "peft_config"):
            # Past selves may be loaded beside it; only the learner's own is sent.
            model.save_pretrained(files.name, selected_adapters=[model.active_adapter])
        else:
            model.save_pretrained(files.name)
    return files


def _go_on(model: Any, config: Config) -> None:
    """Make the adapter that was loaded the one that is trained."""
    rank = model.peft_config["default"].r
    if rank != config.update.lora:
        raise ConfigError(
            f"{config.model} is an adapter of rank {rank}, and update.lora = {config.update.lora}; set it to "
            f"{rank} to train on it, or start from its base"
        )
    held = next((kind for kind in QUANTISED if getattr(model, f"is_loaded_in_{kind}", False)), "")
    if held and held != config.update.dtype:
        raise ConfigError(
            f"{config.model} was trained on a base in {held}, and update.dtype = {config.update.dtype}; "
            f"set it to {held}"
        )
    # it was loaded to play only, so all of it is frozen
    model.set_adapter("default")


def _with_lora(model: Any, config: Config) -> Any:
    from peft import LoraConfig, get_peft_model

    rank = config.update.lora
    targets = config.update.lora_targets
    settings = LoraConfig(
        r=rank,
        # PEFT declares whole numbers, and divides by the rank
        lora_alpha=cast(int, config.update.lora_alpha or 2 * rank),
        target_modules=list(targets) or "all-linear",
        task_type="CAUSAL_LM",
    )
    modules = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    if unknown := [name for name in targets if name not in modules]:
        linear = {
            name.rpartition(".")[2] for name, m in model.named_modules() if isinstance(m, Linear)
        }
        raise ConfigError(
            f"update.lora_targets names {unknown[0]}, and {config.model} has no such module; it has "
            f"{', '.join(sorted(linear))}"
        )
    with torch.random.fork_rng(), quiet():  # adapters begin with noise of torch's global generator
        torch.manual_seed(config.seed)
        made = get_peft_model(model, settings)
    # a set by now, which each process would write in an order of its own
    found: Any = made.peft_config["default"]
    found.target_modules = sorted(found.target_modules)
    return made


def trained(learner: Transformer) -> dict[str, torch.Tensor]:
    """The trained parameters by name, on the CPU."""
    # Frozen weights are the base's, which every copy loaded itself.
    return {
        name: p.detach().cpu() for name, p in learner.model.named_parameters() if p.requires_grad
    }
