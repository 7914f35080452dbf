"""Several learners in one trained module: adapters on one base, or models side by side.

The module that the trainer holds is the main learner's; the others are adapters in it, or models under its
`learners`. So one optimiser, one average and one checkpoint hold them all, and a learner whose samples are
in no row of a step gets no gradient and keeps its bytes.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch.nn import Module, ModuleDict, Parameter

from ...agents.language.transformer import Transformer
from ...agents.models.weights import quiet
from ...envs.seeds import bits
from ..config import SharingMode
from .opponents import LEARNER

_BESIDE = "learners"
"""The name of the models beside the main one, inside it."""


class Learners:
    """The learners of a trained module by name, `learner` (the main one) first."""

    def __init__(
        self, main: Transformer, names: Sequence[str], mode: SharingMode, seed: int
    ) -> None:
        self.mode = mode
        self.model: Any = main.model
        self.policies: dict[str, Transformer] = {LEARNER: main}
        others = [name for name in names if name != LEARNER]
        add = self._adapter if mode == "adapters" else self._model
        if not others:
            return

        if mode == "adapters":
            # From now on the main learner names its adapter: which one is active changes.
            main.adapter = str(self.model.active_adapter)
        else:
            # Copied before any is put in place, so that no model holds another.
            self._beside = ModuleDict({name: copy.deepcopy(self.model) for name in others})
            self.model.add_module(_BESIDE, self._beside)
        for name in others:
            self.policies[name] = add(main, name, bits(f"learner/{seed}/{name}", 48))
        self.enable()

    def __len__(self) -> int:
        return len(self.policies)

    def enable(self) -> None:
        """Let every learner's weights be trained: whoever loads or activates one adapter freezes the rest."""
        for parameter in self._parameters_of_all():
            parameter.requires_grad_(True)

    @contextmanager
    def chosen(self, name: str) -> Generator[Module]:
        """The module that computes as this learner."""
        if self.mode == "models" and name != LEARNER:
            yield self._beside[name]
        elif self.mode == "adapters" and len(self) > 1:
            with _active(self.model, str(self.policies[name].adapter)):
                yield self.model
        else:
            yield self.model

    def parameters(self, name: str) -> list[Parameter]:
        """The trained parameters of one learner."""
        found = self.model.named_parameters()
        if len(self) == 1:
            return [p for _, p in found if p.requires_grad]
        return [p for path, p in found if self._owner(path) == name and p.requires_grad]

    def own_state(self) -> dict[str, torch.Tensor]:
        """The main model's weights without those beside it."""
        state = cast("dict[str, torch.Tensor]", self.model.state_dict())
        return {k: v for k, v in state.items() if not k.startswith(f"{_BESIDE}.")}

    def save(self, folder: Path, tokenizer: Any) -> None:
        """Write each learner beside the main one to a folder of its name, ready to be loaded."""
        if self.mode != "models":
            return  # adapters are written with the model that holds them
        for name, model in self._others():
            with quiet():
                cast(Any, model).save_pretrained(folder / name)
                tokenizer.save_pretrained(folder / name)

    def load(self, folder: Path) -> None:
        """Take on the weights that a checkpoint holds of each learner beside the main one."""
        for name in list(self.policies)[1:]:
            if self.mode == "adapters":
                self._load_adapter(name, folder / name)
                continue
            with quiet():
                model: Any = self._beside[name]
                saved: Any = type(model).from_pretrained(
                    folder / name, dtype=torch.float32, local_files_only=True
                )
            model.load_state_dict(saved.state_dict())

    def _load_adapter(self, name: str, folder: Path) -> None:
        from peft import load_peft_weights, set_peft_model_state_dict

        state = load_peft_weights(str(folder), device="cpu")
        set_peft_model_state_dict(self.model, state, adapter_name=name)

    def _others(self) -> Iterator[tuple[str, Module]]:
        return iter(self._beside.items()) if len(self) > 1 else iter(())

    def _model(self, main: Transformer, name: str, seed: int) -> Transformer:
        twin = main.twin()
        twin.model = self._beside[name]
        twin.publish(main.weights, name=name)
        return twin

    def _adapter(self, main: Transformer, name: str, seed: int) -> Transformer:
        # Adapters begin with noise of torch's global generator.
        with torch.random.fork_rng(), quiet():
            torch.manual_seed(seed)
            self.model.add_adapter(name, copy.deepcopy(self.model.peft_config[main.adapter]))
        twin = main.twin()
        twin.adapter = name
        twin.publish(main.weights, name=name)
        return twin

    def _owner(self, path: str) -> str:
        """Whose the parameter of this name is."""
        parts = path.split(".")
        if self.mode == "models":
            return parts[1] if parts[0] == _BESIDE else LEARNER
        adapters: Mapping[str | None, str] = {
            policy.adapter: name for name, policy in self.policies.items()
        }
        return next((adapters[part] for part in parts if part in adapters), "")

    def _parameters_of_all(self) -> Iterator[Parameter]:
        for path, parameter in self.model.named_parameters():
            # Of a base that is shared nothing is trained.
            if self.mode == "models" or ("lora_" in path and self._owner(path)):
                yield parameter


@contextmanager
def _active(model: Any, adapter: str) -> Generator[None]:
    """Compute with this adapter; PEFT's own way would freeze all others."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [m for m in cast(Module, model).modules() if isinstance(m, BaseTunerLayer)]
    before = [layer._active_adapter for layer in layers]  # pyright: ignore[reportPrivateUsage]
    for layer in layers:
        layer._active_adapter = [adapter]  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        for layer, name in zip(layers, before, strict=True):
            layer._active_adapter = name  # pyright: ignore[reportPrivateUsage]
