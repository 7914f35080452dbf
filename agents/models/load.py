"""From weights to what can act: models, classifiers, tokenizers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...envs.errors import SparringError
from ...envs.registry import Game
from ..classifier import Classifier
from ..language.chat_template import Dialect
from ..language.transformer import Transformer
from ..policy import FREE, Policy, Sampling
from ..thinking import OFF, Thinking
from .names import ModelError, parted
from .quantised import QUANTISED, differentiable, settings
from .weights import Weights, find_model, first_line, quiet

LOCAL: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Arguments to open a folder with: the library then fetches nothing, and runs no code that it holds."""
FLOAT32 = "float32"
_OWN_CODE = "trust_remote_code"
"""Stands in what the library says of a folder that brings code of its own."""


def load_model(
    model: str | Weights,
    game: Game | None = None,
    *,
    seed: int = 0,
    sampling: Sampling = FREE,
    thinking: Thinking = OFF,
    device: str = "cpu",
    dtype: str = FLOAT32,
) -> Transformer:
    """The model as a policy, its weights held in `dtype`; see `find_model`. Its id covers the weights' bytes.

    It thinks as its name says, as in `NAME?think=asked`, else as `thinking`.
    """
    found = find_model(model, game, seed) if isinstance(model, str) else model
    if isinstance(model, str):
        _, thinking = parted(model, thinking)
    # the hash first: it refuses a file that changed since it was sealed
    weights = found.hash if dtype == FLOAT32 else f"{found.hash} in {dtype}"

    opened, tokenizer = open_model(found, device, dtype)
    dialect = Dialect(tokenizer, thinking=thinking, stops=_stops(opened))
    return Transformer(opened, dialect, name=found.name, weights=weights, sampling=sampling)


def load_classifier(
    name: str, labels: Mapping[str, str], otherwise: Policy | None, *, device: str = "cpu"
) -> Classifier:
    """The named sequence classifier as a judge; see `Classifier`. Raises ModelError in one line."""
    from transformers import AutoModelForSequenceClassification

    found = find_model(name)
    try:
        with quiet():
            model: Any = AutoModelForSequenceClassification.from_pretrained(found.folder, **LOCAL)
    except Exception as fault:  # whatever a library makes of a folder that is no classifier
        raise ModelError(f"{found.folder} is no classifier ({first_line(fault)})") from fault
    with quiet():
        tokenizer = _tokenizer(found.folder)

    known = [str(label) for label in model.config.id2label.values()]
    for choice, label in labels.items():
        if label not in known:
            raise ModelError(
                f"{name} has no label {label!r} for {choice!r}; its labels: {', '.join(known)}"
            )
    model = model.to(device).eval()
    return Classifier(model, tokenizer, name, found.hash, labels=labels, otherwise=otherwise)


def open_model(weights: Weights, device: str = "cpu", dtype: str = FLOAT32) -> tuple[Any, Any]:
    """The model, in `dtype` and evaluation mode, and its tokenizer.

    An adapter is opened on its base, held as it was in training where that was quantised, and is in float32.
    Raises ModelError in one line for a folder that is no model or is damaged.
    """
    try:
        with quiet():
            opened = _open_adapter if weights.base else _open_whole
            return opened(weights, device, dtype)
    except SparringError:
        raise
    except Exception as fault:  # whatever a library makes of damaged files
        raise ModelError(_refused(weights, fault)) from fault


def _refused(weights: Weights, fault: Exception) -> str:
    if _OWN_CODE in str(fault):
        return (
            f"{weights.name} brings code of its own, which is never run here (trust_remote_code is off); "
            "take a model that transformers itself knows"
        )
    return f"{weights.folder} cannot be loaded ({first_line(fault)})"


def _open_whole(weights: Weights, device: str, dtype: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    folder = weights.folder
    if not (folder / "config.json").exists():
        raise ModelError(f"{folder} holds no model: it has no config.json")
    if method := _quantised(folder):
        raise ModelError(
            f"{weights.name} is quantised ({method}), and only whole weights are read here; take the model "
            "that it was made from (update.dtype = 4bit quantises it), or serve it by vLLM and name its URL"
        )
    tokenizer = _tokenizer(folder)

    if dtype in QUANTISED:
        opened: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            quantization_config=settings(dtype),
            device_map={"": device},
            dtype=torch.float32,
            **LOCAL,
        )
        return differentiable(opened).eval(), tokenizer

    # float32 unless asked, whatever the file holds: engines are compared to 1e-3 in log-probability
    kind = getattr(torch, dtype)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=kind, **LOCAL)
    return model.to(device).eval(), tokenizer


def _tokenizer(folder: Path) -> Any:
    """Raises ModelError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, **LOCAL)
    except Exception as fault:  # whatever a library makes of damaged files
        raise ModelError(
            f"{folder} has no readable tokenizer; save the model's beside its weights, by "
            f"tokenizer.save_pretrained ({first_line(fault)})"
        ) from fault


def _quantised(folder: Path) -> str:
    """By which method a folder's weights were quantised ("": they are whole)."""
    settings = json.loads((folder / "config.json").read_text())
    found = settings.get("quantization_config")
    return str(found.get("quant_method", "unknown method")) if found else ""


def _open_adapter(weights: Weights, device: str, dtype: str) -> tuple[Any, Any]:
    from peft import PeftModel

    assert weights.base
    base, tokenizer = open_model(weights.base, device, weights.base.held or dtype)
    # an adapter that was trained with its own tokenizer or template brings it along
    if (weights.folder / "tokenizer_config.json").exists():
        tokenizer = _tokenizer(weights.folder)
    return PeftModel.from_pretrained(base, weights.folder).to(device).eval(), tokenizer


def open_dialect(folder: Path, *, thinking: Thinking = OFF) -> Dialect:
    """How the folder's model writes a conversation, without loading its weights. Raises ModelError."""
    from transformers import GenerationConfig

    try:
        with quiet():
            tokenizer = _tokenizer(folder)
            # the library raises where there is no such file, and many models have none
            place = folder if (folder / "generation_config.json").exists() else None
            ends = GenerationConfig.from_pretrained(place).eos_token_id if place else None
    except SparringError:
        raise
    except Exception as fault:  # whatever a library makes of damaged files
        raise ModelError(
            f"{folder} has no readable generation_config.json ({first_line(fault)})"
        ) from fault
    return Dialect(tokenizer, thinking=thinking, stops=_listed(ends))


def _stops(model: Any) -> tuple[int, ...]:
    """The ids that the model's own generation settings end a reply with."""
    return _listed(model.generation_config.eos_token_id)


def _listed(ends: int | list[int] | None) -> tuple[int, ...]:
    return () if ends is None else (ends,) if isinstance(ends, int) else tuple(ends)
