"""What a model may be called: a name of ours, a folder, a hub id. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from ...envs.errors import SparringError, Unknown

MODELS = ("tiny", "smollm2-135m")


class ModelError(SparringError, ValueError):
    """A model cannot be loaded."""


class UnknownModelError(Unknown, ModelError):
    """No model has this name."""


def check_name(name: str) -> None:
    """Raise UnknownModelError for what can be no model."""
    hub = name.count("/") == 1 and not name.startswith((".", "/", "~"))
    if not (name in MODELS or hub or Path(name).expanduser().is_dir()):
        raise unknown(name)


def unknown(name: str) -> UnknownModelError:
    """The error to raise for a name that no model has."""
    otherwise = f"; known: {', '.join(MODELS)}, a folder, or a hub id"
    return UnknownModelError("model or folder", name, MODELS, otherwise=otherwise)
