"""When the Docker engine itself dies or was never there: `infra` at worst, and the containers go."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.api.container import ContainerApiMixin
from sparring.envs.types import Job
from sparring.sandbox import VerifierError
from sparring.sandbox.docker import (
    OWNER,
    DockerConnection,
    DockerException,
    docker_verifier,
    engine,
    owner,
    remove_orphans,
)
from sparring.sandbox.image.build import tag
from sparring.sandbox.local import LocalConnection
from sparring.sandbox.pool import worker
from sparring.sandbox.pool.pool import Pool
from sparring.sandbox.pool.verifier import Pooled

from ..conftest import opened
from .batches import batch, honest_or_infra
from .processes import containers, until


class _Engine:
    """A Docker engine of the test's own, to be killed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.host = f"unix://{root}/docker.sock"

    def start(self) -> None:
        for left in ("docker.pid", "docker.sock", "exec/containerd/containerd.pid"):
            (self._root / left).unlink(missing_ok=True)
        flags = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        folders = [
            f"--data-root={self._root}/data",
            f"--exec-root={self._root}/exec",
            f"--host={self.host}",
        ]
        with open(self._root / "log", "ab") as log:
            command = ["dockerd", *flags, *folders, f"--pidfile={self._root}/docker.pid"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        assert until(self._answers)

    def _answers(self) -> bool:
        try:
            engine(timeout=2).close()
        except (RuntimeError, DockerException, OSError):
            return False
        return True

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(120)


@pytest.fixture
def own_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Engine]:
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        if os.environ.get("SPARRING_REQUIRE_DOCKER") == "1":
            pytest.fail("starting an engine needs root and dockerd")
        pytest.skip("starting an engine needs root and dockerd")
    root = Path(tempfile.mkdtemp(prefix="engine"))
    own = _Engine(root)
    monkeypatch.setenv("DOCKER_HOST", own.host)
    own.start()
    yield own
    own.stop()
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for left in reversed([place for place in mounted if place.startswith(f"{root}/")]):
        subprocess.run(["umount", "-l", left], check=False)  # a killed engine leaves its mounts
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_engine_restarted_under_load_loses_no_verdict(
    own_engine: _Engine, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    # two minutes of tries, however long a busy machine takes to start an engine
    monkeypatch.setattr(worker, "OPEN_TRIES", 9)
    pool = docker_verifier(2)
    pool.cache = None
    pool.run(batch(4))

    def strike() -> None:
        assert until(lambda: pool.counters().runs > 20)
        own_engine.process.send_signal(how)
        own_engine.process.wait(120)
        own_engine.start()

    killer = threading.Thread(target=strike)
    killer.start()
    right = honest_or_infra(pool.run(batch()))
    killer.join()
    assert right >= 150
    assert honest_or_infra(pool.run(batch(20)), 20) == 20
    pool.shut()
    assert until(lambda: remove_orphans() == 0 and not containers())


@pytest.mark.docker
def test_a_container_that_its_engine_did_not_remove_goes_at_the_next_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = opened("docker", size=1)
    first.run([Job("pass")])

    def silent(*_: object, **__: object) -> None:
        raise DockerException("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(ContainerApiMixin, "start", silent)  # made, and then never started
        patch.setattr(ContainerApiMixin, "remove_container", silent)
        with pytest.raises(VerifierError, match="no answer"):
            DockerConnection(tag(), 256, None)
    before = len(containers())

    second = opened("docker", size=1)
    assert len(containers()) == before
    first.shut()
    second.shut()
    assert until(lambda: not containers())


@pytest.mark.docker
def test_containers_of_the_dead_are_removed_and_others_are_not() -> None:
    live = opened("docker", size=1)
    live.run([Job("pass")])
    client = engine()
    boot = owner().partition("-")[0]
    labels = [{OWNER: f"{boot}-999999-1"}, {OWNER: "elsewhere-1-1", "sparring.expires": "1"}]
    made = [client.api.create_container(tag(), labels=label)["Id"] for label in labels]
    other = client.api.create_container(tag(), labels={OWNER: "elsewhere-1-1"})["Id"]
    try:
        assert remove_orphans() >= 2
        left = [each["Id"] for each in client.api.containers(all=True)]
        assert not set(made) & set(left)
        assert other in left
        assert live.run([Job("print(2)")])[0].stdout == "2\n"
    finally:
        client.api.remove_container(other, force=True)
        client.close()
        live.shut()


def test_no_engine_in_the_middle_is_infra_for_all_and_hangs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "OPEN_TRIES", 2)

    def refuse() -> LocalConnection:
        raise VerifierError("gone")

    pool = Pooled("gone", Pool(refuse, 2))
    assert {verdict.status for verdict in pool.run([Job("pass")] * 5)} == {"infra"}
    pool.shut()
