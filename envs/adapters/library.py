"""Other libraries, imported when their games are asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import Any

from ..registry import MissingLibraryError


def library(module: str, extra: str) -> Any:
    """The module. Raises MissingLibraryError, which says how to install it, where it cannot be imported."""
    try:
        return importlib.import_module(module)
    except ImportError as fault:
        missing = fault.name or module
        raise MissingLibraryError(
            f"games of {extra}/ need {missing}, which is not installed: pip install 'sparring[{extra}]'"
        ) from fault


def release(distribution: str, name: str) -> str:
    """Name and version of a library, as results record it."""
    return f"{name} {importlib.metadata.version(distribution)}"
