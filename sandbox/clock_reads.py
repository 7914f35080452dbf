"""Programs that read the clock, found in their text: running them twice in a row does not show it.

A label for honest programs, not a defence: a program that hides what it imports is not found. What must
hold against those is a run in other surroundings (`envs/tasks/gate.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

_TIME: Final = (
    "asctime clock_gettime clock_gettime_ns ctime gmtime localtime monotonic monotonic_ns perf_counter "
    "perf_counter_ns process_time process_time_ns strftime thread_time thread_time_ns time time_ns"
)
_READS: Final = frozenset(
    {f"time.{name}" for name in _TIME.split()}
    | {f"datetime.datetime.{name}" for name in ("now", "today", "utcnow")}
    | {"datetime.date.today"}
)
_LONGEST: Final = 1 << 16
_GIVEN: Final = {
    "time.strftime": 1,
    **{f"time.{name}": 0 for name in ("asctime", "ctime", "gmtime", "localtime")},
}
"""How many arguments these take before the one that makes the clock unneeded."""


def clock_reads(source: str) -> tuple[str, ...]:
    """The clocks that a program reads, as dotted names, sorted; none for what does not parse."""
    if len(source) > _LONGEST:
        return ()
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    names = dict(pair for node in nodes for pair in _bound(node))
    told = {id(node.func) for node in nodes if isinstance(node, ast.Call) and _told(node, names)}
    found = {_dotted(node, names) for node in nodes if id(node) not in told}
    return tuple(sorted(found & _READS))


def _bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """What an import binds: the name in the program, and what it stands for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0], alias.name
    elif isinstance(node, ast.ImportFrom) and node.module in ("time", "datetime"):
        for alias in node.names:
            if alias.name == "*":
                whole = (read.split(".")[1] for read in _READS if read.startswith(node.module))
                yield from ((name, f"{node.module}.{name}") for name in whole)
            else:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    """What an expression such as `dt.datetime.now` stands for, else nothing."""
    attributes: list[str] = []

    # No clock's name has more parts: longer chains are left alone, which keeps the whole linear.
    while isinstance(node, ast.Attribute) and len(attributes) < 3:
        attributes.append(node.attr)
        node = node.value
    owner = names.get(node.id, "") if isinstance(node, ast.Name) else ""
    return ".".join([owner, *reversed(attributes)]) if owner else ""


def _told(call: ast.Call, names: dict[str, str]) -> bool:
    """Whether a call is given the moment that it would else read: `localtime(0)`."""
    needed = _GIVEN.get(_dotted(call.func, names))
    return needed is not None and len(call.args) > needed
