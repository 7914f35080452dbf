"""An experiment's file: arms that differ in some settings, seeds, the number to look at, what is expected.

claim = "A moving opponent beats a fixed one."
recipe = "spiral"                  # settings common to all arms begin here
seeds = [1, 2, 3]
tokens = 400_000                   # that every run may sample
number = "nashconv"                # a metric; or { of = "nashconv", at = "least" }
expect = ["mirror < random", "random - mirror > 0.2"]
[settings]                         # of all arms, as in a config file
[arms.mirror]
[arms.random]
opponents = { mode = "fixed", entrant = "random" }
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from ...envs.errors import did_you_mean
from ..config import Config, ConfigError
from ..config.phases import nested
from ..recipes import recipe
from ..settings import merge
from .expectations import Expectation, ExperimentError, expectation
from .numbers import MAIN, Number, number

LONG: Final = 100_000
"""Steps of a run that its tokens end, where the file names none."""
_KEYS: Final = (
    "claim",
    "paper",
    "note",
    "recipe",
    "load",
    "seeds",
    "tokens",
    "number",
    "numbers",
    "expect",
    "settings",
    "arms",
)
_NAME: Final = re.compile(r"[A-Za-z][\w-]*")
_LONGEST: Final = 100
_SEED: Final = 2**32 - 1


@dataclass(frozen=True)
class Design:
    """An experiment: what is run, what is read from it, and what is expected.

    arms:     the settings of each arm, without seed and folder.
    numbers:  what is read from every run, by name; MAIN is the number that the claim is about.
    expect:   the comparisons, in the file's order.
    note:     what a reader should know of the result, like why a claim was refuted here.
    """

    name: str
    claim: str
    paper: str
    note: str
    seeds: tuple[int, ...]
    arms: Mapping[str, Config]
    numbers: Mapping[str, Number]
    expect: tuple[Expectation, ...]
    names: tuple[str, ...] = ()
    """All arms of the file, those too that are left out."""

    def only(self, arms: Sequence[str], seeds: Sequence[int]) -> Design:
        """The same with these arms and seeds alone (none named: all). Raises ExperimentError."""
        for arm in arms:
            if arm not in self.arms:
                raise ExperimentError(f"no arm {arm!r}{did_you_mean(arm, self.arms)}")
        chosen = {arm: config for arm, config in self.arms.items() if not arms or arm in arms}
        return replace(self, arms=chosen, seeds=tuple(seeds) or self.seeds)


def read(path: str | Path) -> Design:
    """The experiment of a file. Raises ExperimentError, ConfigError and UnknownRecipeError."""
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise ExperimentError(f"cannot read {str(path)!r}: {fault.strerror}") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ExperimentError(f"{str(path)!r} is no TOML: {fault}") from fault

    try:
        return _design(path.stem, data)
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault
    except ExperimentError as fault:
        raise ExperimentError(f"{path}: {fault}") from fault


def _design(name: str, data: Mapping[str, Any]) -> Design:
    if unknown := [key for key in data if key not in _KEYS]:
        hint = did_you_mean(unknown[0], _KEYS)
        raise ExperimentError(
            f"no key {unknown[0]!r}{hint}; settings of a run stand below [settings]"
        )
    arms = _arms(data)
    numbers = _numbers(data)

    texts = _texts(data, "expect")
    return Design(
        name,
        _text(data, "claim"),
        _text(data, "paper"),
        _text(data, "note"),
        _seeds(data),
        arms,
        numbers,
        tuple(expectation(text, list(arms), list(numbers)) for text in texts),
        tuple(arms),
    )


def _arms(data: Mapping[str, Any]) -> dict[str, Config]:
    """The settings of each arm: the recipe's, those of all, its own, each over those before it."""
    named = _table(data.get("arms"), "arms")
    if not named:
        raise ExperimentError("it has no arms; write a table [arms.NAME] for each")

    tokens = data.get("tokens", 0)
    if type(tokens) is not int:
        raise ExperimentError(f"tokens must be an integer; it is {tokens!r}")
    # a run of the laboratory has one core and no second record of its curves
    base = replace(recipe(_text(data, "recipe") or "spiral"), threads=1, tokens=tokens)
    base = replace(base, record=replace(base.record, tensorboard=False))
    base = replace(base, steps=LONG if tokens else base.steps, load=tuple(_texts(data, "load")))
    common = _with(base, _table(data.get("settings"), "settings"), "settings")

    found: dict[str, Config] = {}
    for arm, own in named.items():
        _check_name(arm, found)
        found[arm] = _with(common, _table(own, f"arms.{arm}"), f"arms.{arm}")
    return found


def _check_name(arm: str, others: Iterable[str]) -> None:
    """An arm's name is a word of expectations, and begins that of its runs' folders."""
    if not _NAME.fullmatch(arm) or arm.lower() in ("nan", "inf", "infinity"):
        raise ExperimentError(
            f"an arm is called {arm!r}; names begin with a letter and hold letters, digits, - and _"
        )
    if len(arm) > _LONGEST:
        raise ExperimentError(f"an arm's name has {len(arm)} letters; {_LONGEST} are the most")
    if twin := [other for other in others if other.lower() == arm.lower()]:
        raise ExperimentError(f"arms {twin[0]} and {arm} would share folders; call one otherwise")


def _with(config: Config, data: Mapping[str, Any], where: str) -> Config:
    """The settings with nested ones over them; keys may be dotted too."""
    data = nested(data)
    if wrong := [key for key in ("seed", "out") if key in data]:
        raise ExperimentError(f"[{where}] sets {wrong[0]}, which the experiment gives to each run")
    # one game that is asked for stands in place of a menu
    if "game" in data and "games" not in data:
        config = replace(config, games=())
    try:
        return merge(config, data)
    except ConfigError as fault:
        raise ConfigError(f"[{where}]: {fault}") from fault


def _numbers(data: Mapping[str, Any]) -> dict[str, Number]:
    if "number" not in data:
        raise ExperimentError(
            "it has no number; name the metric to look at, like number = 'nashconv'"
        )
    found = {MAIN: number("number", data["number"])}
    others = data.get("numbers", {})
    if isinstance(others, list):
        # a metric that is listed is called as it is
        others = {str(item): item for item in cast(list[Any], others)}
    for name, value in _table(others, "numbers").items():
        if name == MAIN:
            raise ExperimentError(
                f"[numbers] has {MAIN!r}, which is the file's own; call it otherwise"
            )
        found[name] = number(f"numbers.{name}", value)
    return found


def _seeds(data: Mapping[str, Any]) -> tuple[int, ...]:
    seeds = data.get("seeds", [1, 2, 3])
    listed = cast(list[Any], seeds) if isinstance(seeds, list) else []
    if not listed or not all(type(seed) is int and 0 <= seed <= _SEED for seed in listed):
        raise ExperimentError(
            f"seeds must be a list of integers from 0 to {_SEED:,}; it is {seeds!r}"
        )
    if len(set(listed)) < len(listed):
        raise ExperimentError(f"seeds names one seed twice: {listed}")
    return tuple(listed)


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    value = data.get(key, [])
    listed = cast(list[Any], value if isinstance(value, list) else [value])
    if not all(isinstance(item, str) for item in listed):
        raise ExperimentError(f"{key} must be a list of text; it is {value!r}")
    return listed


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise ExperimentError(f"{key} must be text; it is {value!r}")
    return value.strip()


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ExperimentError(f"{name} must be a table; it is {value!r}")
    return cast(Mapping[str, Any], value)
