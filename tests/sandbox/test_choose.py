"""From a name to a verifier, also to other people's."""

import importlib
from pathlib import Path

import pytest
from sparring.cli import main
from sparring.sandbox import VerifierError, find_verifier
from sparring.sandbox.docker import docker_verifier

from ..conftest import opened

MINE = """
from sparring.envs.types import Verdict
from sparring.sandbox import Constant
def mine(): return Constant(Verdict("ok", stdout="mine"))
def broken(): raise RuntimeError("no luck")
def number(): return 5
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    file = tmp_path / "my_verifier.py"
    file.write_text(MINE)
    return file


def test_a_verifier_of_ones_own_is_found_by_file_and_by_module(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(place.parent)
    assert find_verifier(f"{place}:mine").name == "constant"
    assert find_verifier("my_verifier:mine").name == "constant"


def test_an_installed_verifier_is_found_by_its_entry_point(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    information = place.parent / "my_verifier-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-verifier\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[sparring.verifiers]\nmoon = my_verifier:mine\n")
    monkeypatch.syspath_prepend(place.parent)
    importlib.invalidate_caches()
    assert find_verifier("moon").name == "constant"
    with pytest.raises(VerifierError, match="auto, docker, local, moon"):
        find_verifier("sun")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("broken", "RuntimeError: no luck"),
        ("number", "a int, which is no verifier"),
        ("none", "has no function 'none'; it has broken, mine, number"),
    ],
)
def test_what_is_no_verifier_is_said_in_one_error(place: Path, function: str, said: str) -> None:
    with pytest.raises(VerifierError, match=said):
        find_verifier(f"{place}:{function}")


def test_the_checks_run_against_ones_own_and_a_fake_fails_them(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sandbox", "check", "--verifier", f"{place}:mine"]) == 2
    assert "[constant] 0 passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"\xff\xfe", "it is not UTF-8 text")],
    ids=["none", "bytes"],
)
def test_a_program_that_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    file = tmp_path / "program.py"
    if content is not None:
        file.write_bytes(content)
    assert main(["sandbox", "run", str(file), "--verifier", "local"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_an_engine_that_does_not_answer_is_named_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert main(["sandbox", "build"]) == 2
    error = capsys.readouterr().err
    assert "at unix:///nowhere/docker.sock (No such file or directory)" in error
    assert error.count("\n") == 1


@pytest.mark.docker
@pytest.mark.parametrize(
    ("image", "runtime", "said"),
    [
        ("sparring-none", None, "lacks an image .*o such image: sparring-none"),
        (None, "moon", "container: .*untime.* moon"),
    ],
    ids=["image", "runtime"],
)
def test_what_an_engine_lacks_is_not_called_the_engine(
    image: str | None, runtime: str | None, said: str
) -> None:
    opened("docker", size=1).shut()
    with pytest.raises(VerifierError, match=said):
        docker_verifier(1, image, runtime)


def test_a_terminal_is_not_given_a_programs_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "program.py"
    file.write_text("print('\\x1b]0;mine\\x07\\tis é\\u202e')")
    assert main(["sandbox", "run", str(file), "--verifier", "local"]) == 0
    assert "\x1b]0;mine\x07\tis é\u202e\n" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["sandbox", "run", str(file), "--verifier", "local"]) == 0
    assert "\\x1b]0;mine\\x07\tis é\\u202e\n" in capsys.readouterr().out
