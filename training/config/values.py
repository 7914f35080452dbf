"""What one setting is: a default, a meaning, and the bounds of a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, cast

from ...envs.errors import SparringError

T = TypeVar("T")
MANY = 10_000_000
"""More steps, games or tokens than any run has."""


class ConfigError(SparringError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it means, and, of a number, the least and the greatest value."""

    about: str
    bounds: tuple[float, float] | None = None


def number(default: T, least: float, most: float, about: str) -> T:
    """A setting that is a number from `least` to `most`."""
    return field(default=default, metadata={"setting": Setting(about, (least, most))})


def choice(default: T, about: str) -> T:
    """A setting that is no number."""
    return field(default=default, metadata={"setting": Setting(about)})


def table(about: str) -> Any:
    """A setting that is a table of names and values, empty by default."""
    return field(default_factory=dict[str, Any], metadata={"setting": Setting(about)})


def every(part: Any, prefix: str = "") -> Iterator[tuple[str, Setting, Any]]:
    """(dotted name, setting, value) of all settings of a config, in its order."""
    for item in fields(part):
        value = getattr(part, item.name)
        if is_dataclass(value):
            yield from every(value, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, item.metadata["setting"], value


def check_numbers(part: Any, prefix: str = "") -> None:
    """Raises ConfigError for a number out of its bounds, in tables and in lists of tables too."""
    for name, setting, value in every(part, prefix):
        if setting.bounds is not None:
            check_number(name, cast(float, value), *setting.bounds)
        for place, inner in inner_tables(value):
            check_numbers(inner, f"{name}{place}.")


def inner_tables(value: Any) -> Iterator[tuple[str, Any]]:
    """The tables that a setting lists or names, each with its place: `[2]` (from 1) or `.NAME`."""
    if isinstance(value, tuple):
        items = enumerate(cast(tuple[Any, ...], value), 1)
        yield from ((f"[{place}]", item) for place, item in items if is_dataclass(item))
    elif isinstance(value, Mapping):
        named = cast(Mapping[str, Any], value).items()
        yield from ((f".{name}", item) for name, item in named if is_dataclass(item))


def check_number(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # false of what is no number, too
        raise ConfigError(f"{name} must be from {plain(least)} to {plain(most)}; it is {value}")


def plain(value: float) -> str:
    """A bound as people write it: 10,000,000 or 0.999999."""
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
