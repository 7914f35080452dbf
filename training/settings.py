"""Settings as text: a run's config from TOML and `key=value`, unknown keys refused, and back to TOML."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from .config import Config, ConfigError, every, inner_tables, plain
from .config.merging import entry, merged


def read(path: str | Path, base: Config | None = None) -> Config:
    """The settings of a TOML file over those of `base`.

    Raises ConfigError for a file that cannot be read, unknown keys and values of another type.
    """
    try:
        data = tomllib.loads(Path(path).read_text())
    except OSError as fault:
        raise ConfigError(f"cannot read the config {str(path)!r}: {fault.strerror}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{str(path)!r} is no TOML: {fault}") from fault
    try:
        return merge(base or Config(), data)
    except ConfigError as fault:
        # of several files that are composed, the one to look into
        raise ConfigError(f"{str(path)!r}: {fault}") from fault


def override(config: Config, settings: Iterable[str]) -> Config:
    """Apply `key=value` settings, as of `--set`; keys are dotted, like `update.lr=1e-3`."""
    data: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"{setting!r} is no setting; expected key=value, like update.lr=1e-3")
        # One game that is asked for stands in place of a menu.
        if key.strip() == "game":
            data["games"] = ()

        # Nested, as TOML would have it.
        *tables, name = key.strip().split(".")
        place = data
        for table in tables:
            inner = place.setdefault(table, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"{key.strip()} is set below {table}, which was set as a whole")
            place = cast("dict[str, Any]", inner)
        place[name] = _literal(text.strip())

    # All at once: settings may be sound together only.
    return merge(config, data)


def merge(config: Config, data: Mapping[str, Any]) -> Config:
    """`config` with the nested settings of `data`, each checked."""
    return merged(config, data)


def to_toml(config: Config) -> str:
    """The config as TOML; `read` gives it back."""
    # Keys of no table must stand first, or TOML reads them into the one above.
    tables: dict[str, list[str]] = {"": []}
    listed: list[str] = []
    for name, _, value in every(config):
        table, _, key = name.rpartition(".")
        if inner := list(inner_tables(value)):
            listed += [_entry_toml(name, place, item) for place, item in inner]
        elif isinstance(value, Mapping):
            tables[name] = _rows(cast(Mapping[str, Any], value))
        elif value or not entry(_hint(name)):
            tables.setdefault(table, []).append(f"{key} = {_toml(value)}")

    parts = [(f"[{table}]\n" if table else "") + "\n".join(rows) for table, rows in tables.items()]
    return "\n\n".join(parts + listed) + "\n"


def _entry_toml(name: str, place: str, item: Any) -> str:
    """One table of a list, `[[games]]`, or one that has a name, `[learners.NAME]`."""
    title = f"[[{name}]]" if place.startswith("[") else f"[{name}.{_key(place[1:])}]"
    return "\n".join([title, *_rows({key: value for key, _, value in every(item)})])


def _rows(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_toml(value)}" for key, value in table.items()]


def listed(config: Config) -> Iterator[str]:
    """Each setting in two lines: its name, value here, type and bounds; what it means."""
    for name, setting, value in every(config):
        kind = _kind(name)
        if setting.bounds is not None:
            least, most = map(plain, setting.bounds)
            kind += f", {least} to {most}"
        written = "[…]" if any(inner_tables(value)) else _toml(value)
        yield f"{name} = {written}  ({kind})"
        yield f"    {setting.about}"


def _hint(name: str) -> Any:
    """The declared type of a setting."""
    *tables, key = name.split(".")
    part: Any = Config()
    for table in tables:
        part = getattr(part, table)
    return get_type_hints(type(part))[key]


def _kind(name: str) -> str:
    """The type of a setting, or its choices."""
    hint = _hint(name)
    origin, inner = get_origin(hint), get_args(hint)
    if (kind := entry(hint)) is not None:
        keys = ", ".join(item.name for item in fields(kind))
        return f"{'list of tables' if origin is tuple else 'table of tables'}: {keys}"
    if origin is Literal:
        return " | ".join(inner)
    if origin is tuple:
        return f"list of {'integers' if inner[0] is int else 'text'}"
    if origin is Mapping:
        return "table"
    return {int: "integer", float: "number", bool: "true or false", str: "text"}[hint]


def _literal(text: str) -> Any:
    """A value as TOML reads it; what is none is text, so that names need no quotes."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        # people write .95 and 1., which TOML does not take
        return float(text) if re.fullmatch(r"[+-]?(\d+\.|\.\d+)(e[+-]?\d+)?", text, re.I) else text


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, cast(list[Any], value)))}]"
    if isinstance(value, Mapping):
        rows = _rows(cast(Mapping[str, Any], value))
        return f"{{ {', '.join(rows)} }}" if rows else "{}"
    if isinstance(value, str):
        # JSON writes DEL as it is, and TOML forbids it in a string.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _key(name: str) -> str:
    """A key as TOML takes it: bare where it may be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)
