"""The house keeps its order: who may import whom, what is heavy stays lazy, every folder is shipped."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {
    "envs": set(),
    "agents": {"envs"},
    "sandbox": {"envs"},
    "arenas": {"agents", "envs", "sandbox"},
    "training": {"agents", "arenas", "envs", "sandbox"},
}
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
ONLY = {
    "torch": {
        "agents",
        "agents/engines",
        "agents/language",
        "agents/models",
        "agents/models/nursery",
        "training",
        "training/data",
        "training/players",
        "training/ranks",
        "training/watch",
    },
    "transformers": {
        "agents/engines",
        "agents/language",
        "agents/models",
        "agents/models/nursery",
        "training",
    },
    "trl": {"training", "training/watch"},
    "vllm": {"agents/engines"},
    "docker": {"sandbox"},
    "pettingzoo": {"envs", "envs/adapters"},
    "pyspiel": {"envs/adapters"},
    "reasoning_gym": {"envs/adapters"},
    "textarena": {"envs/adapters"},
    "gymnasium": {"envs"},
    "ray": {"arenas/executors"},
    "verifiers": {"arenas/outside", "envs/adapters"},
    "openenv": {"arenas/outside", "envs/adapters"},
    "starlette": {"agents/serve"},
    "uvicorn": {"agents/serve"},
}
"""Folders that may import a library; a room's name means the files at its top."""


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import of the file, relative ones written out from the root."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{stem}.{alias.name}".lstrip(".")) for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_stands_below_it_and_by_relative_paths(path):
    room = path.relative_to(ROOT).parts[0]
    for line, name in imported(path):
        top = name.split(".")[0]
        where = f"{path.relative_to(ROOT)}:{line} imports {name}"
        assert top != "sparring", f"{where}; inside the rooms imports are relative"
        if top in ROOMS and top != room:
            assert top in ROOMS[room], where
        if top in ONLY:
            assert str(path.parent.relative_to(ROOT)) in ONLY[top], where


def modules() -> dict[str, Path]:
    """Dotted name of every module of the rooms, from the root, to its file."""
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
    return {name.removesuffix(".__init__"): path for name, path in names.items()}


def arrows(unit: Callable[[Path], str]) -> dict[str, set[str]]:
    """Which unit imports which others, where `unit` says to what a file belongs."""
    known = modules()
    found: dict[str, set[str]] = {unit(path): set() for path in FILES}
    for path in FILES:
        for _, name in imported(path):
            home = known.get(name) or known.get(name.rpartition(".")[0])
            if home is not None and unit(home) != unit(path):
                found[unit(path)].add(unit(home))
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    arrows = [(unit, other) for unit in graph for other in graph[unit]]
    return [
        sorted(knot)
        for knot in nx.strongly_connected_components(nx.DiGraph(arrows))
        if len(knot) > 1
    ]


def unit(path: Path) -> str:
    """What one sees on opening a room: a folder of it, or a file at its top."""
    return "/".join(path.relative_to(ROOT).parts[:2])


def test_no_folder_of_a_room_imports_what_imports_it():
    assert circles(arrows(unit)) == []


def test_no_two_files_import_each_other():
    assert circles(arrows(lambda path: str(path.relative_to(ROOT)))) == []


def test_no_file_is_longer_than_400_lines():
    face = (ROOT / "sparring").rglob("*.py")
    lines = {path: len(path.read_text().splitlines()) for path in (*FILES, *face)}
    long = {str(path.relative_to(ROOT)): n for path, n in lines.items() if n > 400}
    assert not long


@pytest.mark.parametrize(("library", "limit"), [("docker", 1), ("trl", 3), ("ray", 4)])
def test_a_foreign_library_is_met_in_few_files(library, limit):
    users = [
        path for path in FILES if library in {name.split(".")[0] for _, name in imported(path)}
    ]
    assert len(users) <= limit, users


def test_every_folder_with_python_in_it_is_shipped():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    homes = {name: name.replace("sparring.", "", 1) for name in project["packages"]}
    homes |= {
        name: name for name in homes if name.startswith(("sparring.commands", "sparring.web"))
    }
    listed = {ROOT / home.replace(".", "/") for home in homes.values()}
    there = {path.parent for room in (*ROOMS, "sparring") for path in (ROOT / room).rglob("*.py")}
    assert there <= listed, f"not in pyproject.toml's packages: {sorted(map(str, there - listed))}"
    assert all(folder.is_dir() for folder in listed)


def test_finding_a_game_loads_nothing_heavy():
    code = (
        "import sys; from sparring.envs.registry import find; find('kuhn-poker-v0').script();"
        "print([m for m in ('torch', 'transformers', 'numpy', 'scipy', 'pettingzoo') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
