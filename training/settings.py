"""Settings as text: a run's config from TOML and `key=value`, unknown keys refused, and back to TOML."""

from __future__ import annotations

import json
import re
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from ..envs.errors import near
from .config import Config, ConfigError, every, inner_tables, plain


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
    return merge(base or Config(), data)


def override(config: Config, settings: Iterable[str]) -> Config:
    """Apply `key=value` settings, as of `--set`; keys are dotted, like `update.lr=1e-3`."""
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"{setting!r} is no setting; expected key=value, like update.lr=1e-3")
        data: Any = _literal(text.strip())
        # One game that is asked for stands in place of a menu.
        if key.strip() == "game":
            config = replace(config, games=())
        # From the last part outwards, as TOML would nest it.
        for part in reversed(key.strip().split(".")):
            data = {part: data}
        config = merge(config, data)
    return config


def merge(config: Config, data: Mapping[str, Any]) -> Config:
    """`config` with the nested settings of `data`, each checked."""
    return cast(Config, _merged(config, data, ""))


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


def _merged(part: Any, data: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(type(part))
    changes: dict[str, Any] = {}
    for key, value in data.items():
        name = prefix + key
        if key not in hints:
            raise ConfigError(f"no setting {name!r}{_nearest(name)}")

        now, inside = getattr(part, key), entry(hints[key])
        if inside is not None:
            changes[key] = _entries(name, now, inside, value)
        elif is_dataclass(now):
            example = f"{name}.{fields(now)[0].name}"
            inner = _table(value, f"{name} is a table of settings, like {example}")
            changes[key] = _merged(now, inner, name + ".")
        elif isinstance(now, Mapping):
            # Any key is taken: the game knows its parameters and checks them.
            changes[key] = {**now, **_table(value, f"{name} must be a table; it is {value!r}")}
        else:
            changes[key] = _checked(name, hints[key], value)
    return replace(part, **changes)


def entry(hint: Any) -> type[Any] | None:
    """What a setting lists or names: GameEntry of tuple[GameEntry, ...]; None: no tables."""
    inner = [kind for kind in get_args(hint) if is_dataclass(kind)]
    return cast("type[Any]", inner[0]) if inner else None


def _entries(name: str, now: Any, kind: type[Any], value: Any) -> Any:
    """A list of tables replaces that of before; each of the named tables is merged into its own."""
    if isinstance(now, Mapping):
        known = cast(Mapping[str, Any], now)
        given = _table(value, f"{name} is a table of tables, like [{name}.NAME]; it is {value!r}")
        made = {k: _entry(known.get(k, kind()), item, f"{name}.{k}") for k, item in given.items()}
        return {**known, **made}
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{name} is a list of tables, like [[{name}]]; it is {value!r}")
    items = cast(Sequence[Any], value)
    return tuple(_entry(kind(), item, f"{name}[{place}]") for place, item in enumerate(items, 1))


def _entry(base: Any, value: Any, name: str) -> Any:
    given = _table(value, f"{name} is a table of {fields(base)[0].name} and more; it is {value!r}")
    return _merged(base, given, f"{name}.")


def _table(value: Any, otherwise: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(otherwise)
    return cast(Mapping[str, Any], value)


def _checked(name: str, hint: Any, value: Any) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        if value not in get_args(hint):
            known = ", ".join(map(str, get_args(hint)))
            raise ConfigError(f"{name} must be one of {known}; it is {value!r}")
        return value

    # One name stands for a list of one: `--set credits.trained=solver`.
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)):
            raise ConfigError(f"{name} must be a list; it is {value!r}")
        return tuple(_checked(name, get_args(hint)[0], item) for item in cast(list[Any], items))

    if origin in (Union, types.UnionType):
        allowed = get_args(hint)
        hint = next((kind for kind in allowed if type(value) is kind), allowed[0])
    if hint is float and type(value) is int:
        return _float(name, value)
    # `isinstance` would let True pass for an integer.
    if type(value) is not hint:
        raise ConfigError(f"{name} must be {_article(hint.__name__)}; it is {value!r}")
    return value


def _float(name: str, value: int) -> float:
    try:
        return float(value)
    except OverflowError as fault:
        raise ConfigError(f"{name} must be a number of less than 300 digits") from fault


def _article(kind: str) -> str:
    return {
        "int": "an integer",
        "float": "a number",
        "bool": "true or false",
        "str": "text",
    }.get(kind, kind)


def _literal(text: str) -> Any:
    """A value as TOML reads it; what is none is text, so that names need no quotes."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except tomllib.TOMLDecodeError:
        return text


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


def _nearest(name: str) -> str:
    """The settings whose name or last part is close, as a question."""
    known = [name for name, _, _ in every(Config())]
    leaf = name.rpartition(".")[2]
    by_leaf = {k.rpartition(".")[2]: k for k in known}
    # The right last part in the wrong table is told first.
    found = [k for k in known if k.rpartition(".")[2] == leaf]
    found += [*near(name, known), *(by_leaf[k] for k in near(leaf, by_leaf))]
    hint = " or ".join([*dict.fromkeys(found)][:3])
    return f"; did you mean {hint}?" if hint else f"; the settings are {', '.join(known)}"
