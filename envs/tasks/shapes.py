"""When two programs are copies: by the shape of the code that can matter, whatever it is dressed in."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeGuard

from .likeness import alike

ENTRIES = frozenset({"f", "sat", "check"})
"""The functions that games call; others count only where they are used."""
NEAR = 0.9
"""Programs that share this much of their shapes are near copies."""

_STORING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Import, ast.ImportFrom)
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_ACTING = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)


def tree(source: str) -> ast.Module | None:
    """The syntax tree, or None where there is none (also for nesting too deep to parse)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash is not the reader's to judge
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@lru_cache(4096)
def shape(source: str) -> tuple[str, ...]:
    """A program's tree as tokens, blind to names, layout, comments, docstrings and dead code."""
    parsed = tree(source)
    return tuple(_tokens(_alive(parsed), {})) if parsed else (source,)


@lru_cache(4096)
def outline(source: str) -> tuple[str, ...]:
    """The shape with names numbered anew in each statement, so that a line more changes no other line."""
    parsed = tree(source)
    return tuple(_tokens(_alive(parsed), None)) if parsed else (source,)


def near_copy(source: str, others: Iterable[str], share: float = NEAR) -> bool:
    """Whether the program's outline agrees with one of the others in at least this share of its tokens."""
    mine = outline(source)
    return any(alike(mine, outline(other), share) for other in others)


def _tokens(parsed: ast.Module, names: dict[str, str] | None) -> Iterator[str]:
    """The tree in source order; without `names` each statement numbers its own."""
    # A list and no recursion: proposals nest deeper than Python's own stack may go.
    pending: list[tuple[ast.AST, dict[str, str]]] = [(parsed, names if names is not None else {})]
    while pending:
        node, known = pending.pop()
        if names is None and isinstance(node, ast.stmt):
            known = {}

        yield type(node).__name__
        if isinstance(node, ast.Constant):
            yield repr(node.value)
        for field in ("id", "arg", "name"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                # Names count by the order in which they first appear: renaming changes
                # nothing.
                yield known.setdefault(name, f"n{len(known)}")
        if isinstance(node, ast.Attribute):
            # An attribute is kept by name: .append and .pop do different things.
            yield node.attr
        # Reversed, since the last one pushed is the first one taken.
        pending.extend((child, known) for child in reversed(list(ast.iter_child_nodes(node))))


def _alive(parsed: ast.Module) -> ast.Module:
    """The tree without statements that cannot matter, changed in place.

    It finds what is never reached, does nothing, or binds names that nothing reads. Code that is dead for
    another reason (`if len(x) < 0`) stays.
    """
    # A function that only dead code called is dead in the next round.
    for _ in range(4):
        needed = _needed(parsed)
        before = sum(1 for _ in ast.walk(parsed))

        # Listed first, since blocks are replaced during the walk.
        for node in list(ast.walk(parsed)):
            for field in ("body", "orelse", "finalbody"):
                block = getattr(node, field, None)
                if isinstance(block, list):
                    setattr(node, field, list(_kept(block, needed)))

        if sum(1 for _ in ast.walk(parsed)) == before:
            break
    return parsed


def _kept(block: Sequence[ast.stmt], needed: set[str]) -> Iterator[ast.stmt]:
    """The statements of a block that can matter."""
    for statement in block:
        if isinstance(statement, (ast.If, ast.While)) and isinstance(statement.test, ast.Constant):
            taken = statement.body if statement.test.value else statement.orelse
            # `while True` stays: its body repeats, which a plain block does not.
            if isinstance(statement, ast.If) or not statement.test.value:
                yield from _kept(taken, needed)
                continue

        if not _idle(statement, needed):
            yield statement
        if isinstance(statement, _LEAVING):
            return


def _idle(statement: ast.stmt, needed: set[str]) -> bool:
    """Whether the statement does nothing, or binds only names that nobody needs."""
    match statement:
        case ast.Pass():
            return True
        case ast.Expr(value=value):
            # An expression whose value is dropped matters only by a call, a wait or a
            # binding in it.
            return not any(isinstance(node, _ACTING) for node in ast.walk(value))
        case ast.If(body=[], orelse=[]) | ast.For(body=[], orelse=[]):
            return True

        case _:
            bound = _bound(statement)
            # A statement that binds nothing acts in another way, and stays.
            return bool(bound) and not bound & needed


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, if binding them is all that it does; else none."""
    match statement:
        case ast.Assign(targets=targets):
            # x[0] = 1 changes an object that others may hold.
            plain = all(isinstance(target, ast.Name) for target in targets)
            return {t.id for t in targets if isinstance(t, ast.Name)} if plain else set()
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return {name}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {alias.asname or alias.name.partition(".")[0] for alias in names}

        case _:
            return set()


def _needed(parsed: ast.Module) -> set[str]:
    """The names that matter: read by what acts, or by what binds a name that matters."""
    needed, waiting = set(ENTRIES), dict[str, list[set[str]]]()
    pending: list[ast.AST] = [parsed]
    while pending:
        node = pending.pop()
        # What a dead assignment reads is not needed by that alone: it waits until its own
        # name is.
        bound = _bound(node) if isinstance(node, _STORING) else set[str]()
        if bound:
            read = {name.id for name in ast.walk(node) if _reads(name)}
            for name in bound:
                waiting.setdefault(name, []).append(read)
            continue
        if _reads(node):
            needed.add(node.id)
        pending.extend(ast.iter_child_nodes(node))

    fresh = list(needed)
    while fresh:
        # Popped, so that each name is followed once and cycles end.
        for read in waiting.pop(fresh.pop(), ()):
            fresh.extend(read - needed)
            needed |= read
    return needed


def _reads(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
