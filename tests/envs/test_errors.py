"""Errors: the list in `envs/errors.py` is whole, and an unknown name says what is near."""

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from sparring.agents.models.names import UnknownModelError
from sparring.envs import errors
from sparring.envs.errors import Unknown
from sparring.envs.registry import GameError, UnknownGameError, find

ROOT = Path(__file__).parents[2]
ROOMS = ("envs", "agents", "sandbox", "arenas", "training", "sparring")


def raised_classes():
    """The public exception classes of all rooms, by their bases' names; read, not imported."""
    bases = {}
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ClassDef):
                    bases.setdefault(node.name, set()).update(map(ast.unparse, node.bases))
    known = {"Exception"}
    while more := {
        name
        for name, above in bases.items()
        if name not in known
        and any(base in known or base.endswith(("Error", "Exception")) for base in above)
    }:
        known |= more
    return {name for name in known if not name.startswith("_")} - {"Exception", "SparringError"}


def test_the_model_of_failures_lists_every_error_of_the_library_and_no_other():
    rows = errors.__doc__.partition("(`*`")[2].splitlines()[1:]
    listed = {line.split()[0].rstrip("*") for line in rows if line.startswith("    ")}
    assert listed == raised_classes()


def test_an_unknown_name_says_what_is_near():
    fault = Unknown("game", "nmi", ["nim", "nim-v0", "taboo"])
    assert str(fault) == "no game 'nmi'; did you mean nim?"


def test_an_unknown_name_that_nothing_is_near_says_all_there_are():
    assert str(Unknown("letter", "x", "abc")) == "no letter 'x'; there are a, b, c"
    assert str(Unknown("letter", "x", "abc", where=" here", otherwise="", more=" (!)")) == (
        "no letter 'x' here (!)"
    )


def test_an_unknown_name_keeps_its_message_in_a_pickle():
    fault = UnknownModelError("model", "tinny", ["tiny"])
    again = pickle.loads(pickle.dumps(fault))
    assert type(again) is UnknownModelError
    assert str(again) == str(fault) == "no model 'tinny'; did you mean tiny?"


def test_an_unknown_game_is_a_game_error_and_a_key_error():
    with pytest.raises(UnknownGameError, match="did you mean kuhn-poker-v0") as caught:
        find("kuhn")
    assert isinstance(caught.value, GameError)
    assert isinstance(caught.value, KeyError)


def test_a_line_of_failure_is_one_write_also_without_a_buffer():
    """Of processes that share stderr, as a launcher's do, none may write between a line and its end."""
    ours, theirs = os.pipe2(os.O_DIRECT)  # what is read is one write
    command = [sys.executable, "-u", "-m", "sparring", "play", "no-such-game"]
    done = subprocess.run(command, stderr=theirs, stdin=subprocess.DEVNULL)
    os.close(theirs)
    said = list(iter(lambda: os.read(ours, 1 << 16), b""))
    os.close(ours)
    assert done.returncode == 2
    assert [line[:10] for line in said] == [b"sparring: "]
    assert said[0].endswith(b"\n")
