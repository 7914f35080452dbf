"""How a verifier's name becomes a verifier. Games know no sandbox, so whoever assembles the rooms says it.

Imports nothing, so that saying it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_by_name: Callable[[str], Any] | None = None


def install(open_by_name: Callable[[str], Any]) -> None:
    """Say how a name like `auto` becomes a verifier; it is called at the first job."""
    global _by_name
    _by_name = open_by_name


def installed() -> Callable[[str], Any] | None:
    """What was installed last."""
    return _by_name
