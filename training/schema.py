"""The settings of a run as a JSON schema, by which editors complete and check its TOML files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from .config import Config, Setting, inner_tables
from .config.merging import entry

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Mapping[Any, str] = {int: "integer", float: "number", bool: "boolean", str: "string"}


def schema(config: Config) -> dict[str, Any]:
    """What a file of settings may hold; defaults are those of `config`. No setting is required."""
    found = _table(type(config), config)
    title = "Settings of a training run of Sparring"
    return {"$schema": DRAFT, "title": title, **found}


def _table(kind: type[Any], values: Any = None) -> dict[str, Any]:
    """The schema of a table of settings; with the values of one, if there is one, as defaults."""
    hints = get_type_hints(kind)
    properties: dict[str, Any] = {}
    for item in fields(kind):
        hint = hints[item.name]
        value = _default(item) if values is None else getattr(values, item.name)
        if is_dataclass(hint):
            properties[item.name] = _table(cast(type[Any], hint), value)
            continue

        setting: Setting = item.metadata["setting"]
        properties[item.name] = {"description": setting.about, **_kind(hint)}
        if setting.bounds is not None:
            least, most = setting.bounds
            properties[item.name] |= {"minimum": least, "maximum": most}
        # a default of tables would be a text of its own in an editor
        if not any(inner_tables(value)):
            properties[item.name]["default"] = list(value) if isinstance(value, tuple) else value
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _kind(hint: Any) -> dict[str, Any]:
    """The schema of a setting that is no table of settings."""
    origin, inner = get_origin(hint), get_args(hint)
    if (kind := entry(hint)) is not None:
        if origin is tuple:
            return {"type": "array", "items": _table(kind)}
        return {"type": "object", "additionalProperties": _table(kind)}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": {"type": _TYPES[inner[0]]}}
    return {"type": "object"} if origin is Mapping else {"type": _TYPES[hint]}


def _default(item: Any) -> Any:
    return item.default_factory() if item.default is MISSING else item.default
