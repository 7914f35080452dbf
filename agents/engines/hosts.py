"""One engine a base model: opens vLLM in process or as a server, and seats its adapters."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import save_file

from ...envs.errors import SparringError
from ...envs.registry import Game
from ..language.chat_template import Dialect
from ..models.load import open_dialect
from ..models.names import parted
from ..models.weights import ADAPTER, Weights, find_model, weights_in
from ..policy import FREE, Policy, Sampling
from ..remote import Endpoint, Remote
from ..thinking import OFF, Thinking
from .available import on_gpu
from .policy import EngineError, Hosted, TokenEngine
from .servers import Servers
from .vllm_api import is_vllm, model_names
from .wide_heads import NARROWEST, head_size, widen, widened

HOME = "SPARRING_VLLM"
"""The environment variable that names the folder of vLLM's own environment (see `make vllm`)."""


class HostError(EngineError):
    """No engine can be opened as asked."""


class Host:
    """An engine on one base model, with the policies that act through it. Close it when done.

    Adapters are published under new names and never changed in place: the engine caches prefixes by
    name, and a game in progress keeps the version that it began with.
    """

    def __init__(self, engine: TokenEngine, base: Hosted, *, head: int, closing: ExitStack) -> None:
        self.engine = engine
        self.base = base
        self._head = head
        self._closing = closing
        self._places: dict[str, Path] = {}
        self._whole: Path | None = None
        self._scratch = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="sparring-")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._closing.close()

    def adopt(self, folder: Path, name: str, *, weights: str = "") -> Hosted:
        """Load the folder's adapter under a new name; the policy that acts with it. Games may be running."""
        folder = folder.resolve()

        if self._head < NARROWEST:
            place = self._places[name] = Path(tempfile.mkdtemp(dir=self._scratch))
            widen(folder, place, self._head)
        else:
            place = folder

        self.engine.load(name, place)
        return self.base.twin(name=name, weights=weights or weights_in(folder).hash, adapter=name)

    def retire(self, policy: Hosted) -> None:
        """Free what the engine keeps for this policy's adapter; the policy can act no more."""
        if policy.adapter is not None:
            self.engine.retire(policy.adapter)
            if place := self._places.pop(policy.adapter, None):
                shutil.rmtree(place)

    def replace(self, folder: Path, *, name: str, weights: str) -> Hosted:
        """Take in all weights of the folder in place of the base's. No game may be running."""
        # a server that comes back reads the folder again, so the last one stays until it
        # is replaced
        before = self._whole
        if self._head < NARROWEST:
            place = self._whole = Path(tempfile.mkdtemp(dir=self._scratch))
            widen(folder, place)
        else:
            place = folder
        self.engine.replace(place)

        if before:
            shutil.rmtree(before)
        self.base = self.base.twin(name=name, weights=weights)
        return self.base


def open_host(
    engine: str,
    model: str | Weights,
    game: Game | None = None,
    *,
    seed: int = 0,
    sampling: Sampling = FREE,
    thinking: Thinking = OFF,
    adapters: int = 4,
    rank: int = 16,
    context: int = 0,
    dtype: str = "",
) -> Host:
    """The named base model on an engine.

    `engine` is `vllm` (in this process where vLLM can be imported, else a server from the environment
    that `$SPARRING_VLLM` names), `server` (a server of our own), or URLs of vLLM servers that serve this
    model, separated by commas. `dtype` is float32 on a CPU unless given. Raises HostError or ModelError.
    """
    found = find_model(model, game, seed) if isinstance(model, str) else model
    if isinstance(model, str):
        _, thinking = parted(model, thinking)
    wide = widened(found)

    with ExitStack() as closing:
        slots = adapters + 1 if adapters else 0
        opened = _engine(engine, wide, closing, slots, rank, context, dtype or _dtype())
        dialect = open_dialect(found.folder, thinking=thinking)
        if isinstance(opened, Servers):
            # our own engines were started on this folder; a server at a URL may hold any
            _same(opened, found, wide, dialect)
        base = Hosted(opened, dialect, name=found.name, weights=found.hash, sampling=sampling)

        # on a GPU vLLM is right about rows without an adapter; a URL may lead to a CPU
        if adapters and not (on_gpu() and engine in ("vllm", "server")):
            base = base.twin(adapter=_nothing(opened, wide, closing))
        # pop_all: from here on the host closes what was opened; a fault above closed it
        return Host(opened, base, head=head_size(found.folder), closing=closing.pop_all())


def _same(servers: Servers, model: Weights, folder: Path, dialect: Dialect) -> None:
    """Raises HostError where the servers hold another model than the named one, as far as can be told.

    A folder that is there is compared byte by byte, a hub id by name; of any other, the tokenizer.
    """
    source = Path(servers.source)
    held = f"{servers.servers[0].url} serves {servers.source}, and not {model.name}"

    if (source / "config.json").is_file():
        if source.resolve() != folder.resolve() and not _equal(source, folder):
            raise HostError(f"{held} ({folder}); start it on that, or name its model")
    elif servers.source != model.name:
        # its files are not here: another tokenizer shows another model, the same one
        # proves nothing
        spelt = dialect.tokenizer(_PROBE, add_special_tokens=False)["input_ids"]
        if servers.spelt(_PROBE) != tuple(spelt):
            raise HostError(f"{held}: they do not even spell alike; name its model")


def _equal(one: Path, other: Path) -> bool:
    """Whether two folders hold the same weights, byte for byte."""
    return weights_in(one).hash == weights_in(other).hash


_PROBE = "Role: first. You hold the K, 3 × 7 = 21; żółć!\nCheck or bet?"


def _nothing(engine: TokenEngine, folder: Path, closing: ExitStack) -> str | None:
    """Load an adapter of zeros for the base and return its name; None where the engine takes no adapters.

    vLLM 0.30 and 0.32 on a CPU give requests without an adapter the one in the last slot, when others in
    their batch have adapters (index −1 of its table), unless `cpu_lora.py` is at work there. With an adapter
    of zeros every request has one.
    """
    config = json.loads((folder / "config.json").read_text())
    wide = int(config["hidden_size"])
    out = int(config["num_attention_heads"]) * head_size(folder)
    place = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="sparring-")))

    # one layer and one projection are enough for an adapter, and change nothing
    stem = "base_model.model.model.layers.0.self_attn.q_proj"
    zeros = {
        f"{stem}.lora_A.weight": torch.zeros(8, wide),
        f"{stem}.lora_B.weight": torch.zeros(out, 8),
    }
    save_file(zeros, place / "adapter_model.safetensors")

    settings = {
        "peft_type": "LORA",
        "r": 8,
        "lora_alpha": 8,
        "target_modules": ["q_proj"],
        "bias": "none",
    }
    settings |= {"base_model_name_or_path": str(folder), "task_type": "CAUSAL_LM"}
    (place / ADAPTER).write_text(json.dumps(settings))

    # a new name each time: a server may have one from an earlier client
    name = f"nothing-{place.name}"
    try:
        engine.load(name, place)
    # a server that was started without --enable-lora; then no row has an adapter
    except EngineError:
        return None
    return name


class Hosts:
    """Policies on engines by the names of their models: one engine a base model, whatever its adapters."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self._hosts: dict[Path, Host] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def policy(
        self,
        model: str,
        game: Game,
        name: str,
        sampling: Sampling,
        seed: int,
        thinking: Thinking = OFF,
    ) -> Policy:
        """The named model or adapter folder as a policy.

        At a URL where no vLLM answers, any OpenAI-compatible endpoint is asked for a model of this name.
        Raises EngineError where no server answers.
        """
        if self.elsewhere:
            return Remote(
                Endpoint(self.engine, model), name=name, sampling=sampling, thinking=thinking
            )

        found = find_model(model, game, seed)
        host = self._host(found.base or found, sampling)
        if found.base is None:
            return host.base.twin(name=name, sampling=sampling, thinking=thinking)
        return host.adopt(found.folder, name, weights=found.hash).twin(
            sampling=sampling, thinking=thinking
        )

    @cached_property
    def served(self) -> tuple[str, ...]:
        """The models of an endpoint that is no vLLM, by whatever names it has for them; empty if unsaid."""
        return model_names(self.engine) if self.elsewhere else ()

    @cached_property
    def elsewhere(self) -> bool:
        """Whether the engine is an endpoint that is no vLLM. Raises EngineError."""
        if not self.engine.startswith(("http://", "https://")):
            return False
        urls = self.engine.split(",")
        strange = [url for url in urls if not is_vllm(url)]
        if strange and len(urls) > 1:
            raise HostError(f"only vLLM servers can share the work, and {strange[0]} is none")
        return bool(strange)

    def _host(self, model: Weights, sampling: Sampling) -> Host:
        if model.folder not in self._hosts:
            # a process holds one engine; further base models get servers of their own
            kind = "server" if self._hosts and self.engine == "vllm" else self.engine
            host = open_host(kind, model, sampling=sampling, adapters=8)
            self._hosts[model.folder] = self._closing.enter_context(host)
        return self._hosts[model.folder]


def _engine(
    engine: str,
    folder: Path,
    closing: ExitStack,
    adapters: int,
    rank: int,
    context: int,
    dtype: str,
) -> TokenEngine:
    if engine.startswith(("http://", "https://")):
        return _connected(engine.split(","), closing)
    if engine not in ("vllm", "server"):
        raise HostError(
            f"no engine {engine!r}; there are auto, transformers, vllm, server, or URLs"
        )

    here = importlib.util.find_spec("vllm") is not None
    if engine == "vllm" and here:
        from .process import Vllm

        opened = Vllm(folder, adapters=adapters, rank=rank, context=context, dtype=dtype)
        closing.callback(opened.close)
        return opened

    from .child import Child

    python = None if here else _python()
    child = closing.enter_context(
        Child(folder, python=python, adapters=adapters, rank=rank, context=context, dtype=dtype)
    )
    return _connected([child.url], closing)


def _connected(urls: list[str], closing: ExitStack) -> TokenEngine:
    try:
        servers = Servers(urls)
    except SparringError:
        raise
    except Exception as fault:
        raise HostError(f"no vLLM server answers at {', '.join(urls)}: {fault}") from fault
    closing.callback(servers.close)
    return servers


def _python() -> str:
    """The interpreter of vLLM's own environment. Raises HostError."""
    home = Path(os.environ.get(HOME, ".vllm"))
    python = home / "bin" / "python"
    if not python.exists():
        raise HostError(
            f"vLLM is not installed here, and {home} holds no environment of it; run `make vllm` (a CPU) or "
            f"pip install 'sparring[vllm]' (a GPU), or set ${HOME}"
        )
    return str(python)


def _dtype() -> str:
    return "auto" if on_gpu() else "float32"
