"""Nested settings over a table of defaults: unknown names, wrong types and wrong choices are refused."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ...envs.errors import near
from .values import ConfigError, every

T = TypeVar("T")


def merged(part: T, data: Mapping[str, Any], prefix: str = "") -> T:
    """`part`, a table of settings, with the nested settings of `data`, each checked.

    `prefix` stands before names in messages. Raises ConfigError.
    """
    known = [name for name, _, _ in every(part, prefix)]
    return cast(T, _merged(part, data, prefix, known))


def _merged(part: Any, data: Mapping[str, Any], prefix: str, known: Sequence[str]) -> Any:
    hints = get_type_hints(type(part))
    changes: dict[str, Any] = {}
    for key, value in data.items():
        name = prefix + key
        if key not in hints:
            raise ConfigError(f"no setting {name!r}{_nearest(name, known)}")

        now, inside = getattr(part, key), entry(hints[key])
        if inside is not None:
            changes[key] = _entries(name, now, inside, value)
        elif is_dataclass(now):
            example = f"{name}.{fields(now)[0].name}"
            inner = _table(value, f"{name} is a table of settings, like {example}")
            changes[key] = _merged(now, inner, f"{name}.", known)
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
    return merged(base, given, f"{name}.")


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


def _nearest(name: str, known: Sequence[str]) -> str:
    """The settings whose name or last part is close, as a question."""
    leaf = name.rpartition(".")[2]
    by_leaf = {k.rpartition(".")[2]: k for k in known}
    # The right last part in the wrong table is told first, then a table whose name is close.
    found = [k for k in known if k.rpartition(".")[2] == leaf]
    if "." not in name:
        found += near(name, dict.fromkeys(k.partition(".")[0] for k in known if "." in k))
    found += [*near(name, known), *(by_leaf[k] for k in near(leaf, by_leaf))]
    hint = " or ".join([*dict.fromkeys(found)][:3])
    return f"; did you mean {hint}?" if hint else f"; the settings are {', '.join(known)}"
