"""Other libraries, imported when their games are asked for."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import Any

from ..parse import Unreadable
from ..registry import MissingLibraryError


def load(module: str, extra: str) -> Any:
    """The module. Raises MissingLibraryError, which says how to install it, where it cannot be imported."""
    try:
        return importlib.import_module(module)
    except ImportError as fault:
        # The fault names what is really missing, which may be a library that the module
        # imports.
        raise _missing(fault.name or module, extra) from fault


def folder(package: str, extra: str) -> Path:
    """Where the package lies, without importing it. Raises MissingLibraryError."""
    try:
        spec = importlib.util.find_spec(package)
    # A dotted name imports its parent, which may not be there.
    except ImportError:
        spec = None
    if spec is None or not spec.origin:
        raise _missing(package, extra)
    return Path(spec.origin).parent


def _missing(module: str, extra: str) -> MissingLibraryError:
    return MissingLibraryError(
        f"games of {extra}/ need {module}, which is not installed: pip install 'sparring[{extra}]'"
    )


def release(distribution: str, name: str) -> str:
    """Name and version of a library, as results record it."""
    return f"{name} {importlib.metadata.version(distribution)}"


def sendable(text: str) -> str:
    """The text, which is to go over a wire. Raises Unreadable where it holds half a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as fault:
        raise Unreadable("the reply holds half a character, which cannot be sent") from fault
    return text
