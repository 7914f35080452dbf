"""Kept results, read back: `Result.data` as JSON, in which None stands for what is infinite."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from .expectations import ExperimentError, State
from .numbers import MAIN
from .outcome import Arm, Judged, Measured, Result, Spread, Verdict

T = TypeVar("T")


def read_kept(path: Path) -> Result:
    """The kept result that a file holds. Raises ExperimentError for anything else."""
    try:
        return _result(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as fault:
        said = f"it lacks {fault}" if isinstance(fault, KeyError) else fault
        raise ExperimentError(
            f"{path} is no kept result ({said}); run its experiment with --keep"
        ) from fault


def _result(data: Any) -> Result:
    told = _table(data["told"], _text)
    if MAIN not in told:
        raise ValueError(f"no {MAIN!r} is told")
    return Result(
        name=_text(data["name"]),
        claim=_text(data["claim"]),
        paper=_text(data["paper"]),
        note=_text(data["note"]),
        verdict=_one_of(data["verdict"], get_args(Verdict)),
        seeds=tuple(_all(data["seeds"], _whole)),
        arms=_table(data["arms"], lambda arm: _arm(arm, told)),
        expect=tuple(_all(data["expect"], _judged)),
        told=told,
        exact=tuple(_all(data["exact"], _text)),
        warnings=tuple(_all(data["warnings"], _text)),
        minutes=_number(data["minutes"]),
        command=_text(data["command"]),
    )


def _arm(data: Any, told: Mapping[str, str]) -> Arm:
    numbers = {name: _measured(data["numbers"][name]) for name in told}
    took = [_number(data[name]) for name in ("steps", "tokens", "minutes")]
    return Arm(numbers, *took)


def _measured(data: Any) -> Measured:
    return Measured(_seeds(data["seeds"], lambda x: None if x is None else _number(x)), _over(data))


def _judged(data: Any) -> Judged:
    state = _one_of(data["state"], get_args(State))
    why = _text(data["why"])
    return Judged(_text(data["text"]), _seeds(data["seeds"], _number), _over(data), state, why)


def _over(data: Any) -> Spread | None:
    over = data["over"]
    if over is None:
        return None
    if over["low"] is None and over["high"] is None:
        return Spread(_number(over["mean"]), -math.inf, math.inf)
    found = Spread(*(_number(over[name]) for name in ("mean", "low", "high")))
    if not found.low <= found.mean <= found.high:
        raise ValueError(f"{found.mean} is not between {found.low} and {found.high}")
    return found


def _seeds(data: Any, read: Callable[[Any], T]) -> dict[int, T]:
    return {int(seed): value for seed, value in _table(data, read).items()}


def _table(data: Any, read: Callable[[Any], T]) -> dict[str, T]:
    # without seeds: an arm that was not run, or an expectation that has no number with any
    if not isinstance(data, dict):
        raise TypeError(f"{data!r:.60} is no table")
    return {_text(name): read(value) for name, value in cast("dict[str, Any]", data).items()}


def _all(data: Any, read: Callable[[Any], T]) -> list[T]:
    if not isinstance(data, list):
        raise TypeError(f"{data!r:.60} is no list")
    return [read(each) for each in cast("list[Any]", data)]


def _one_of(data: Any, known: tuple[Any, ...]) -> Any:
    if data not in known:
        raise ValueError(f"{data!r:.60} is none of {', '.join(known)}")
    return data


def _text(data: Any) -> str:
    # what cannot be written as UTF-8 raises a ValueError
    if not isinstance(data, str):
        raise TypeError(f"{data!r:.60} is no text")
    data.encode()
    return data


def _whole(data: Any) -> int:
    if type(data) is not int:
        raise TypeError(f"{data!r:.60} is no whole number")
    return data


def _number(data: Any) -> float:
    if type(data) not in (int, float) or not math.isfinite(data):
        raise TypeError(f"{data!r:.60} is no number")
    return float(data)
