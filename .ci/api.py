"""Writes docs/api.md from docstrings: `python .ci/api.py`; `--check` only says whether the page is current.

Modules are parsed and never imported, so this takes a second and needs nothing installed.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"
HEAD = """# The Python API

Written by `python .ci/api.py` from docstrings; a test holds it current. The names under `sparring` are loaded
when first used; the others are imported from the modules that are named. What stands on no page may change.
"""
MODULES = {
    "Writing games": ("envs.registry", "envs.script", "envs.parse", "envs.types", "envs.values"),
    "Exact tools": ("envs.exact",),
    "Players": ("agents.policy", "agents.seats", "agents.scripted"),
    "Playing": ("arenas.match", "arenas.rollouts"),
    "Judging": (
        "arenas.tournament",
        "arenas.gate",
        "arenas.league",
        "arenas.exam",
        "arenas.exact_meeting",
        "arenas.results",
    ),
    "Code that models write": ("sandbox.verifier", "sandbox.choose"),
    "Training": ("training.run", "training.recipes", "training.settings"),
    "Pages": ("arenas.report.from_store",),
    "Errors": ("envs.errors",),
}


def main() -> int:
    text = page()
    if sys.argv[1:] == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        print("docs/api.md is not what the docstrings say; write it by: python .ci/api.py")
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    parts = [HEAD, _face()]
    for title, modules in MODULES.items():
        parts.append(f"## {title}\n")
        parts += [part for module in modules if (part := _module(module))]
    return "\n".join(parts).rstrip() + "\n"


def _face() -> str:
    """The names of `sparring` itself, and where each lives."""
    tree = ast.parse((ROOT / "sparring" / "__init__.py").read_text(encoding="utf-8"))
    rooms = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_ROOMS"
    )
    homes = {name: module for module, names in rooms.items() for name in names}
    rows = [f"| `{name}` | `sparring.{homes[name]}` |" for name in sorted(homes)]
    return "\n".join(("## `from sparring import …`\n", "| name | of |", "|---|---|", *rows, ""))


def _module(name: str) -> str:
    path = ROOT / name.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [_told(node) for node in _latest(tree.body) if _public(node)]
    about = (ast.get_docstring(tree) or "").split("\n\n")[0]
    return "\n".join((f"### `sparring.{name}`\n", about + "\n", *found)) if found else ""


def _latest(body: list[ast.stmt]) -> list[ast.stmt]:
    """Definitions, of overloads the last one, which has the docstring."""
    by_name: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            by_name[node.name] = node
    return list(by_name.values())


def _public(node: ast.stmt) -> bool:
    named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    return named and not node.name.startswith("_") and ast.get_docstring(node) is not None


def _told(node: ast.stmt) -> str:
    """A definition: its name, how it is called, what its docstring says."""
    if isinstance(node, ast.ClassDef):
        lines = [f"#### class `{node.name}`\n", _text(node)]
        fields = [ast.unparse(one) for one in node.body if isinstance(one, ast.AnnAssign)]
        open_ = [one for one in fields if not one.startswith("_")]
        if open_:
            lines.append("```text\n" + "\n".join(open_) + "\n```\n")
        for inner in _latest(node.body):
            if _public(inner):
                lines.append(f"- `{_call(inner)}`: {_text(inner).split(chr(10) * 2)[0].strip()}")
        return "\n".join(lines).rstrip() + "\n"
    return f"#### `{_call(node)}`\n\n{_text(node)}"


def _call(node: ast.stmt) -> str:
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    given = [ast.unparse(one) for one in node.decorator_list]
    if "property" in given or "cached_property" in given:
        return node.name
    # `self` says nothing to a caller
    arguments = ast.unparse(node.args).removeprefix("self, ").removeprefix("cls, ")
    arguments = "" if arguments in ("self", "cls") else arguments
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{'async ' * isinstance(node, ast.AsyncFunctionDef)}{node.name}({arguments}){result}"


def _text(node: ast.stmt) -> str:
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    text = ast.get_docstring(node) or ""
    # lines that are indented are tables or examples, and stay as they are
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main())
