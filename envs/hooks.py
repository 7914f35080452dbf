"""Functions of one's own by name: `FILE.py:FUNCTION` or `package.module:function`.

A name can stand in a configuration, so a run that is resumed finds the function again.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from .errors import SparringError

_known: dict[str, Callable[..., Any]] = {}
"""Functions that were named in this process: a script that is still running is not imported again."""


class HookError(SparringError, ValueError):
    """No function has this name, or it cannot be found again by one, or it gave something else."""


def hook(name: str) -> Callable[..., Any]:
    """The function of this name. Raises HookError, saying what is wrong with it."""
    if name in _known:
        return _known[name]
    place, _, function = name.rpartition(":")
    if not place or not function:
        raise HookError(f"{name!r} names no function; give FILE.py:FUNCTION or MODULE:FUNCTION")

    try:
        module = _module(place)
    except Exception as fault:  # another's code may fail in any way
        raise HookError(f"{name!r} cannot be imported ({type(fault).__name__}: {fault})") from fault
    found = getattr(module, function, None)
    if not callable(found):
        known = sorted(n for n, value in vars(module).items() if inspect.isfunction(value))
        raise HookError(
            f"{place} has no function {function!r}; it has {', '.join(known) or 'none'}"
        )
    return _known.setdefault(name, cast("Callable[..., Any]", found))


def name_of(function: Callable[..., Any]) -> str:
    """The name that finds the function again. Raises HookError for one that only this process has."""
    module, name = function.__module__, getattr(function, "__qualname__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or not name.isidentifier():
        raise HookError(
            f"{name or function!r} cannot be found again when the run is resumed; define it by `def` at the "
            "top of a file"
        )
    # A script, or a file beside it, is found by its path; what is installed by its name.
    spec = getattr(sys.modules[module], "__spec__", None)
    full = f"{Path(file).resolve()}:{name}" if spec is None or module == "__main__" else ""
    full = full or f"{module}:{name}"
    _known[full] = function
    return full


def is_hook(name: str, *, files: bool = False) -> bool:
    """Whether it is the name of a function and no other name with a colon; with `files` one of a file."""
    place, _, function = name.rpartition(":")
    if not function.isidentifier():
        return False
    package, dot, _ = place.rpartition(".")
    module = bool(dot) and all(map(str.isidentifier, place.split(".")))
    return place.endswith(".py") or (module and bool(package) and not files)


def _module(place: str) -> ModuleType:
    """A module by its name, or from its file."""
    if not place.endswith(".py"):
        return importlib.import_module(place)
    if not Path(place).is_file():
        raise ImportError(f"no Python file {place}")
    spec = importlib.util.spec_from_file_location(Path(place).stem, place)
    if spec is None or spec.loader is None:
        raise ImportError(f"no Python file {place}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
