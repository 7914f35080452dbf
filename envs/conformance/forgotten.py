"""Helpers of a script that are called without `yield from`: nothing happens, and nothing fails."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import script

HELPERS = (
    script.ask,
    script.ask_all,
    script.chance,
    script.credit,
    script.keep,
    script.note,
    script.randomness,
    script.recall,
    script.tell,
    script.verify,
)
_HANDED_ON = (ast.YieldFrom, ast.Return, ast.Lambda, ast.Call, ast.keyword, ast.Starred)
"""What may stand around a call: its steps are taken here, or by whoever gets them."""


def forgotten(function: Callable[..., Any]) -> Iterator[str]:
    """`my_game.py:12: tell(…)` for each call of a helper that takes no step, in line order.

    Looks at the function and at those of its file that it names. A call counts as taken behind `yield from`,
    and where its steps go on: returned, as an argument, or by a name that stands behind `yield from`. A
    file that cannot be read has none.
    """
    try:
        file = Path(inspect.getsourcefile(function) or "")
        module = ast.parse(file.read_text())
    except (OSError, TypeError, SyntaxError):
        return

    names = getattr(function, "__globals__", {})
    nodes = list(_reached(module, function.__name__))
    later = {
        node.value.id
        for node in nodes
        if isinstance(node, ast.YieldFrom) and isinstance(node.value, ast.Name)
    }
    found = [
        call
        for node in nodes
        if not isinstance(node, _HANDED_ON) and not _targets(node) & later
        for call in ast.iter_child_nodes(node)
        if isinstance(call, ast.Call) and _helps(call.func, names)
    ]
    for call in sorted(found, key=lambda call: call.lineno):
        yield f"{file.name}:{call.lineno}: {ast.unparse(call.func)}(…)"


def _reached(module: ast.Module, name: str) -> Iterator[ast.AST]:
    """All nodes of the module's function of that name and of those that it names, and they."""
    functions = {part.name: part for part in module.body if isinstance(part, ast.FunctionDef)}
    waiting, seen = [name], {name}
    while waiting:
        if (found := functions.get(waiting.pop())) is None:
            continue
        for node in ast.walk(found):
            yield node
            if isinstance(node, ast.Name) and node.id not in seen:
                seen.add(node.id)
                waiting.append(node.id)


def _targets(node: ast.AST) -> set[str]:
    """The names that an assignment binds."""
    match node:
        case ast.Assign(targets=targets):
            found: list[ast.expr] = targets
        case ast.AnnAssign(target=target) | ast.NamedExpr(target=target):
            found = [target]
        case _:
            found = []
    return {target.id for target in found if isinstance(target, ast.Name)}


def _helps(function: ast.expr, names: dict[str, Any]) -> bool:
    """Whether a name, or a name of a module, stands for a helper in the file."""
    match function:
        case ast.Name(id=name):
            found = names.get(name)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            found = getattr(names.get(module), name, None)
        case _:
            return False
    return any(found is helper for helper in HELPERS)
