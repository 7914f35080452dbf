"""What a model may be called: a name of ours, a folder, a hub id. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from ...envs.errors import SparringError, Unknown

MODELS = ("tiny", "smollm2-135m")


class ModelError(SparringError, ValueError):
    """A model cannot be loaded."""


class UnknownModelError(Unknown, ModelError):
    """No model has this name."""


def split_options(spec: str) -> tuple[str, dict[str, str]]:
    """A name and the options behind its `?`, as in `NAME?key=value&key=value`. Raises ModelError.

    A folder's own name may hold a question mark: one that exists is taken whole.
    """
    name, mark, query = spec.partition("?")
    if not mark or Path(spec).expanduser().exists():
        return spec, {}

    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        pairs = []
    if not pairs or any(not (key and value) for key, value in pairs):
        raise ModelError(f"options are written NAME?key=value&key=value, not {spec!r}")
    if len(dict(pairs)) < len(pairs):
        raise ModelError(f"an option of {spec!r} is given twice; give each once")
    return name, dict(pairs)


def with_options(name: str, options: Mapping[str, str]) -> str:
    """The name with these options behind it: what `split_options` takes apart."""
    return f"{name}?{urlencode(options, safe='/,:')}" if options else name


def check_name(name: str) -> None:
    """Raise UnknownModelError for what can be no model."""
    hub = name.count("/") == 1 and not name.startswith((".", "/", "~"))
    if not (name in MODELS or hub or Path(name).expanduser().is_dir()):
        raise unknown(name)


def unknown(name: str) -> UnknownModelError:
    """The error to raise for a name that no model has."""
    otherwise = f"; known: {', '.join(MODELS)}, a folder, or a hub id"
    return UnknownModelError("model or folder", name, MODELS, otherwise=otherwise)
