"""The doctor's advice is about what is here, and never to ask the doctor."""

import importlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sparring.sandbox import doctor

doctors = importlib.import_module("sparring.sandbox.doctor")


class Machine:
    """A machine without an engine; `listen` puts a dead engine's socket somewhere."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.default = root / "default.sock"

    def listen(self, name: str) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(path))
        return f"unix://{path}"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    root = Path(tempfile.mkdtemp())  # short: a socket's path has 108 bytes
    here = Machine(root)
    monkeypatch.setattr(doctors, "DEFAULT", here.default)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(root / "run"))
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("PATH", str(root))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    yield here
    shutil.rmtree(root)


def advised() -> str:
    report = doctor()
    assert "sandbox doctor" not in str(report)
    return report.advice[0]


def test_an_engine_that_was_named_and_is_dead_is_to_be_started(machine: Machine) -> None:
    assert "start the engine that DOCKER_HOST names (unix:///nowhere/docker.sock)" in advised()


@pytest.mark.parametrize(
    "place", ["run/docker.sock", ".docker/run/docker.sock", ".docker/desktop/docker.sock"]
)
def test_an_engine_elsewhere_is_named(machine: Machine, place: str) -> None:
    host = machine.listen(place)
    assert advised().startswith(f"export DOCKER_HOST={host},")


def test_without_any_socket_docker_is_to_be_installed_or_started(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "")
    monkeypatch.setattr(doctors, "_engine", lambda: ("none", list[str]()))
    assert advised().startswith("install Docker")
    (machine.root / "dockerd").touch(0o755)
    assert advised().startswith("start Docker, which is installed")
    machine.listen("default.sock")
    assert advised().startswith("start Docker: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket")
def test_a_socket_that_is_not_ours_is_said(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "")
    monkeypatch.setattr(doctors, "_engine", lambda: ("none", list[str]()))
    machine.listen("default.sock")
    machine.default.chmod(0)
    assert "may not use" in advised()


def test_the_report_says_what_auto_takes_and_why_no_engine(machine: Machine) -> None:
    report = doctor()
    facts = dict(report.facts)
    assert (
        facts["engine"]
        == "no Docker engine answers at unix:///nowhere/docker.sock (No such file or directory)"
    )
    assert facts["runtimes"] == "none"
    assert not report.auto.startswith("docker")
