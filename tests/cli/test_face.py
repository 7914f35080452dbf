"""The face: one list of public names."""

import ast
from pathlib import Path

import sparring


def test_type_checkers_see_the_names_that_are_loaded_when_used():
    tree = ast.parse(Path(sparring.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (line.module.removeprefix("sparring."), line.names[0].asname)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
    }
    assert seen == {(home, name) for home, names in sparring._ROOMS.items() for name in names}


def test_every_public_name_loads():
    assert sparring.__all__ == sorted(sparring.__all__)
    assert all(getattr(sparring, name) is not None for name in sparring.__all__)


def test_the_version_is_the_installed_one():
    assert sparring.__version__.count(".") == 2
