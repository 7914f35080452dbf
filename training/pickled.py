"""Values of ours as bytes for another process, the read-only mappings of episodes too."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar


def packed(message: object) -> bytes:
    """What `pickle.loads` makes the value of again."""
    text = io.BytesIO()
    _Pickler(text, pickle.HIGHEST_PROTOCOL).dump(message)
    return text.getvalue()


def _proxied(mapping: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    return _proxy, (dict(mapping),)


def _proxy(mapping: Mapping[Any, Any]) -> MappingProxyType[Any, Any]:
    # A function of ours: the type itself cannot be found by its name.
    return MappingProxyType(mapping)


class _Pickler(pickle.Pickler):
    """Pickles the read-only mappings of episodes too, which Python's own refuses."""

    dispatch_table: ClassVar[Any] = {**copyreg.dispatch_table, MappingProxyType: _proxied}
