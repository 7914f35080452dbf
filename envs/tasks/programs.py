"""How proposer games read programs, inputs and answers out of replies: always as data, never as source."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..parse import Unreadable, code_block, code_blocks, excerpt, tagged
from ..types import Value
from ..values import canonical, read

LONGEST = 2000
"""Characters of a program or answer that are looked at at all; longer ones are refused."""


@dataclass(frozen=True, slots=True)
class Program:
    """A proposed function, the argument lists to call it with, and a message to those who solve it."""

    source: str
    inputs: tuple[tuple[Value, ...], ...] = ()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A value that a seat gave; its own type, since None is a value too."""

    value: Value


def arguments(text: str) -> tuple[Value, ...]:
    """The arguments of one call as they stand between its parentheses: `3` or `3, "a"`."""
    value = read(text, LONGEST // 1024 + 1)
    return value if isinstance(value, tuple) else (value,)


def answer(text: str) -> Answer:
    """The literal inside <answer>…</answer>, or the whole reply where it has no such tag."""
    return Answer(read(tagged(text, "answer") if "<answer>" in text else text, LONGEST // 1024 + 1))


def called(inputs: Sequence[Value], name: str = "f") -> str:
    """The call as text: f(3, 'a')."""
    return f"{name}({', '.join(map(canonical, inputs))})"


def fenced(source: str) -> str:
    """Source as the code block that prompts show."""
    return f"```python\n{source}\n```"


def program(text: str, entry: str = "f") -> str:
    """The one code block of a reply, as source that parses and defines `entry`. Raises Unreadable."""
    source = code_block(text).strip("\n")
    fault = source_fault(source, entry)
    if fault:
        raise Unreadable(fault)
    return source


def program_with_input(text: str) -> Program:
    """A code block that defines `f` and calls it once on its last line: the program and that input.

    The first block counts, whatever is said after it. An input may also stand outside, in
    <input>…</input>. Raises Unreadable.
    """
    if "<input>" in text:
        return Program(program(text), (arguments(tagged(text, "input")),))
    source = next(iter(code_blocks(text)), "").strip("\n")
    fault = source_fault(source) if source else f"no code block in {excerpt(text)}"
    if fault:
        raise Unreadable(fault)
    last = ast.parse(source).body[-1]
    call = _call(last.value) if isinstance(last, ast.Expr) else None
    if call is None:
        raise Unreadable(f"no call of f with values on the last line of {excerpt(source)}")
    given = tuple([read(ast.unparse(value), LONGEST // 1024 + 1) for value in call.args])
    above = "\n".join(source.split("\n")[: last.lineno - 1]).rstrip()
    return Program(above, (given,))


def _call(node: ast.expr) -> ast.Call | None:
    """The call `f(…)`, alone or printed; None for anything else."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
        return None
    if node.func.id == "print" and len(node.args) == 1:
        return _call(node.args[0])
    return node if node.func.id == "f" else None


def sources(items: Sequence[Value]) -> list[str]:
    """The programs of recalled tasks, each a dict with `source`."""
    return [
        item["source"]
        for item in items
        if isinstance(item, dict) and isinstance(item["source"], str)
    ]


def tree(source: str) -> ast.Module | None:
    """The syntax tree, or None where there is none (also for nesting too deep to parse)."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def source_fault(source: str, entry: str = "f") -> str:
    """Why this text cannot be a program defining `entry`, or ""."""
    if len(source) > LONGEST:
        return f"a program of {len(source)} characters; at most {LONGEST} are allowed"
    parsed = tree(source)
    if parsed is None:
        return f"not Python: {excerpt(source)}"
    if not any(isinstance(node, ast.FunctionDef) and node.name == entry for node in parsed.body):
        return f"no `def {entry}(…)` in {excerpt(source)}"
    return ""


def shape(source: str) -> tuple[str, ...]:
    """A program's tree as tokens, blind to names, layout, comments and docstrings."""
    parsed = tree(source)
    return tuple(_tokens(parsed)) if parsed else (source,)


def _tokens(parsed: ast.Module) -> Iterator[str]:
    names: dict[str, str] = {}
    pending: list[ast.AST] = [parsed]
    while pending:
        node = pending.pop()
        yield type(node).__name__
        if isinstance(node, ast.Constant):
            yield repr(node.value)
        for field in ("id", "arg", "name"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield names.setdefault(name, f"n{len(names)}")
        if isinstance(node, ast.Attribute):
            yield node.attr
        pending.extend(
            child
            for child in reversed(list(ast.iter_child_nodes(node)))
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
        )


def near_copy(source: str, others: Sequence[str], share: float = 0.9) -> bool:
    """Whether the program's shape agrees with one of the others in at least this share of its tokens."""
    mine = shape(source)
    for other in others:
        theirs = shape(other)
        if mine == theirs:
            return True
        match = difflib.SequenceMatcher(None, mine, theirs, autojunk=False)
        if match.quick_ratio() >= share and match.ratio() >= share:
            return True
    return False
