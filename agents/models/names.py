"""What a model may be called: a name of ours, a folder, a hub id. Imports nothing heavy."""

from __future__ import annotations

import difflib
from pathlib import Path

from ...envs.errors import SparringError

MODELS = ("tiny", "smollm2-135m")


class ModelError(SparringError, ValueError):
    """A model cannot be loaded."""


class UnknownModelError(ModelError, KeyError):
    """No model has this name."""

    def __str__(self) -> str:
        return str(self.args[0])


def check_name(name: str) -> None:
    """Raise UnknownModelError for what can be no model."""
    hub = name.count("/") == 1 and not name.startswith((".", "/", "~"))
    if not (name in MODELS or hub or Path(name).expanduser().is_dir()):
        raise UnknownModelError(unknown(name))


def unknown(name: str) -> str:
    near = difflib.get_close_matches(name, MODELS, n=1, cutoff=0.4)
    hint = (
        f"; did you mean {near[0]}?"
        if near
        else f"; known: {', '.join(MODELS)}, a folder, or a hub id"
    )
    return f"no model or folder {name!r}{hint}"
