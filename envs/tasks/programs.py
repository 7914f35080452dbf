"""How proposer games read programs, inputs and answers out of replies: always as data, never as source."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from ..parse import Unreadable, answered, code_block, code_blocks, excerpt, has_tag, tagged
from ..types import Value
from ..values import canonical, read
from .shapes import tree

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
    # `3, "a"` reads as a tuple; so does `(3, "a")`, which is two arguments as well
    value = read(text, LONGEST // 1024 + 1)
    return value if isinstance(value, tuple) else (value,)


def answer(text: str) -> Answer:
    """The literal inside <answer>…</answer>, or the whole reply where it has no such tag."""
    return Answer(read(answered(text), LONGEST // 1024 + 1))


def called(inputs: Sequence[Value], name: str = "f") -> str:
    """The call as text: f(3, 'a')."""
    return f"{name}({', '.join(map(canonical, inputs))})"


def fenced(source: str) -> str:
    """Source as the code block that prompts show."""
    return f"```python\n{source}\n```"


def program(text: str, entry: str = "f") -> str:
    """The one code block of a reply, as source that parses and defines `entry`. Raises Unreadable.

    Comments and docstrings are left out: other seats are shown programs, and shall learn from what they do.
    """
    return _defining(code_block(text).strip("\n"), entry)


def program_with_input(text: str) -> Program:
    """A code block that defines `f` and calls it once on its last line: the program and that input.

    The first block counts, whatever is said after it. An input may also stand outside, in
    <input>…</input>. Raises Unreadable.
    """
    if has_tag(text, "input"):
        return Program(program(text), (arguments(tagged(text, "input")),))

    source = next(iter(code_blocks(text)), "").strip("\n")
    if not source:
        raise Unreadable(f"no code block in {excerpt(text)}")
    # Checked as a whole first, so that a fault names the text that was written.
    _defining(source)

    parsed = tree(source)
    last = parsed.body[-1] if parsed else None
    call = _call(last.value) if isinstance(last, ast.Expr) else None
    if last is None or call is None:
        raise Unreadable(f"no call of f with values on the last line of {excerpt(source)}")

    # Values are read from the text as it stands; what is no literal there is refused by `read`.
    texts = [ast.get_source_segment(source, value) or "" for value in call.args]
    given = tuple([read(text, LONGEST // 1024 + 1) for text in texts])
    # The call is cut off, since the gate calls f itself.
    above = "\n".join(source.split("\n")[: last.lineno - 1]).rstrip()
    return Program(_defining(above), (given,))


def _call(node: ast.expr) -> ast.Call | None:
    """The call `f(…)`, alone or printed; None for anything else."""
    # A keyword would name a parameter, and inputs are kept by position alone.
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.keywords:
        return None
    if node.func.id == "print" and len(node.args) == 1:
        (node,) = node.args
    match node:
        case ast.Call(func=ast.Name(id="f"), keywords=[]):
            return node
        case _:
            return None


def sources(items: Sequence[Value]) -> list[str]:
    """The programs of recalled tasks, each a dict with `source`."""
    found = [item.get("source") for item in items if isinstance(item, dict)]
    return [source for source in found if isinstance(source, str)]


def source_fault(source: str, entry: str = "f") -> str:
    """Why this text cannot be a program defining `entry`, or ""."""
    # The length comes first: a long text can be slow to parse.
    if len(source) > LONGEST:
        return f"a program of {len(source)} characters; at most {LONGEST} are allowed"
    parsed = tree(source)
    if parsed is None:
        return f"not Python: {excerpt(source)}"
    if not any(isinstance(node, ast.FunctionDef) and node.name == entry for node in parsed.body):
        return f"no `def {entry}(…)` in {excerpt(source)}"
    return ""


def _defining(source: str, entry: str = "f") -> str:
    """The bare source, if it parses and defines `entry`. Raises Unreadable."""
    if fault := source_fault(source, entry):
        raise Unreadable(fault)
    return bare(source)


def bare(source: str) -> str:
    """A program without comments and without strings that stand alone; as it was where it has none.

    Raises Unreadable for nesting too deep to be written out again.
    """
    parsed = tree(source) or ast.Module([], [])
    # Comments are not in the tree, so they are sought among the tokens.
    found = _commented(source)
    for node in ast.walk(parsed):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and any(map(_remark, block)):
                kept = [statement for statement in block if not _remark(statement)]
                # A block that lost every statement would be written out as no Python.
                setattr(node, field, kept or [ast.Pass()])
                found = True

    # Only what has something to hide is written anew, so that all other programs stay as they were laid out.
    if not found:
        return source
    try:
        return ast.unparse(parsed)
    except RecursionError:
        raise Unreadable(f"nested too deep: {excerpt(source)}") from None


def _remark(node: ast.stmt) -> bool:
    """Whether a statement is only a string: a docstring or another word to the reader."""
    match node:
        case ast.Expr(value=ast.Constant(value=str() | bytes()) | ast.JoinedStr()):
            return True
        case _:
            return False


def _commented(source: str) -> bool:
    """Whether the source has comments; what cannot be cut into tokens counts as if it had."""
    try:
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        return any(token.type == tokenize.COMMENT for token in tokens)
    except (tokenize.TokenError, SyntaxError):
        return True
