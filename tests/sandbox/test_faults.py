"""When something dies in the middle: every job gets a verdict or `infra`, nothing hangs, nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sparring.envs.types import Job, Limits
from sparring.sandbox import runner
from sparring.sandbox.docker import (
    LIFETIME_SECONDS,
    OWNER,
    DockerException,
    docker_verifier,
    engine,
    owner,
    remove_orphans,
)
from sparring.sandbox.image.build import tag
from sparring.sandbox.local import LocalConnection, interpreter, local_verifier
from sparring.sandbox.pool import Pool
from sparring.sandbox.pooled import Pooled
from sparring.sandbox.verdicts import Run, request

from .conftest import opened
from .processes import alive, children, containers, descriptors, family, holds, resident, supervisors, until

BOTH = ["local", pytest.param("docker", marks=pytest.mark.docker)]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="looking into other processes needs root")


@pytest.fixture(params=BOTH)
def fresh(request: pytest.FixtureRequest) -> Iterator[tuple[str, Pooled]]:
    pool = opened(request.param)
    pool.cache = None
    yield request.param, pool
    pool.shut()


def batch(count: int = 200) -> list[Job]:
    """Jobs that take a few milliseconds each, all different."""
    return [
        Job(f"import time\ndef f(x):\n    time.sleep(0.005)\n    return x + {i}", "f", ((1,),))
        for i in range(count)
    ]


def honest_or_infra(verdicts: object, count: int = 200) -> int:
    """Every verdict is right or `infra`; how many are right."""
    assert isinstance(verdicts, list)
    assert len(verdicts) == count
    for i, verdict in enumerate(verdicts):
        assert verdict.status in ("ok", "infra"), verdict
        assert verdict.results[0].value == (i + 1 if verdict.status == "ok" else None)
    return sum(verdict.status == "ok" for verdict in verdicts)


@needs_root
def test_a_killed_supervisor_is_replaced_and_its_jobs_are_tried_again(fresh: tuple[str, Pooled]) -> None:
    name, pool = fresh
    pool.run(batch(4))
    known = [pid for each in supervisors(name) for pid in family(each)]

    def strike() -> None:
        time.sleep(0.3)
        os.kill(supervisors(name)[0], signal.SIGKILL)

    killer = threading.Thread(target=strike)
    killer.start()
    assert honest_or_infra(pool.run(batch())) == 200
    killer.join()
    assert pool.counters().restarts == 1
    pool.shut()
    assert until(lambda: not any(map(alive, known))), "a process outlived its supervisor"


@pytest.mark.docker
def test_a_killed_container_is_replaced_and_none_is_left() -> None:
    pool = opened("docker")
    pool.cache = None
    pool.run(batch(4))

    def strike() -> None:
        time.sleep(0.3)
        client = engine()
        client.api.kill(containers()[0])
        client.close()

    killer = threading.Thread(target=strike)
    killer.start()
    assert honest_or_infra(pool.run(batch())) == 200
    killer.join()
    pool.shut()
    assert until(lambda: not containers())


CLIENT = """
import sys
from sparring.envs.types import Job
from sparring.sandbox import open_verifier
verifier = open_verifier(sys.argv[1], size=2)
verifier.run([Job(f"import time; time.sleep(0.5) or {i}") for i in range(4)])
print("ready", flush=True)
verifier.cache = None
verifier.run([Job("import time; time.sleep(0.2)")] * 200)
"""


@needs_root
@pytest.mark.parametrize("name", BOTH)
def test_nothing_outlives_a_killed_client(name: str) -> None:
    opened(name).shut()  # builds the image, or skips
    client = subprocess.Popen([sys.executable, "-c", CLIENT, name], stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == b"ready\n"
    start = Path(f"/proc/{client.pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    theirs = f"{owner().partition('-')[0]}-{client.pid}-{start}"
    below = family(client.pid)[1:]
    if name == "docker":
        assert len(containers(theirs)) >= 1
    else:
        assert len(below) >= 2
    client.kill()
    client.wait()
    client.stdout.close()
    assert until(lambda: not any(map(alive, below)))
    if name == "docker":
        assert until(lambda: not containers(theirs, running=True))
        remove_orphans()  # one that was made and not started yet holds nothing, and goes at the next start
        assert until(lambda: not containers(theirs))


class _Mortal(LocalConnection):
    """A supervisor that dies of a certain source."""

    def send(self, data: memoryview) -> int:
        sent = super().send(data)
        if b"DEADLY" in bytes(data[:sent]):
            self._process.kill()
        return sent


def test_a_source_that_was_in_two_dead_supervisors_is_quarantined() -> None:
    pool = Pooled("mortal", Pool(lambda: _Mortal("seccomp"), 2))
    deadly = Job("x = 'DEADLY'")
    verdicts = pool.run([*[Job(f"print({i})") for i in range(20)], deadly, *[Job("pass")] * 20])
    assert verdicts[20].status == "infra"
    assert [verdict.status for i, verdict in enumerate(verdicts) if i != 20] == ["ok"] * 40
    assert pool.run([deadly])[0].status == "refused"
    assert pool.counters().quarantined == 1
    other = Job("def f(x): return x", "f", (("DEADLY",),))
    assert pool.run([other])[0].status == "infra"
    harmless = Job("def f(x): return x", "f", ((1,),))
    assert pool.run([harmless])[0].status == "ok", "the same program on other inputs is another run"
    pool.shut()


def test_a_busy_supervisor_leaves_runs_to_a_free_one() -> None:
    sent: dict[int, int] = {}

    class Counted(LocalConnection):
        def send(self, data: memoryview) -> int:
            sent[self.pid] = sent.get(self.pid, 0) + bytes(data).count(b"counted")
            return super().send(data)

    pool = Pooled("counted", Pool(lambda: Counted("seccomp"), 2))
    for _ in range(10):
        pool.run([Job("import time; time.sleep(0.2)  # counted")] * 2)
    pool.shut()
    assert len(sent) == 2
    assert min(sent.values()) >= 8, sent


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


def test_what_is_in_flight_is_bounded_whatever_is_asked() -> None:
    verifier = opened("local", size=1)
    verifier.cache = None
    text = "x" * (1 << 20)
    verifier.run([Job("pass", stdin=text)] * 20)
    before = resident([os.getpid()])
    assert {verdict.status for verdict in verifier.run([Job("pass", stdin=text)] * 300)} == {"ok"}
    assert resident([os.getpid()]) - before < 100 * 1024
    verifier.shut()


def test_a_client_that_reads_slowly_loses_nothing() -> None:
    connection = LocalConnection("seccomp")
    job = Job("print('x' * 60000)")
    frames = b"".join(request(i + 1, Run(job)) for i in range(100))
    assert connection.send(memoryview(frames)) == len(frames)
    time.sleep(1.0)
    came = bytearray()
    idents: list[int] = []
    end = time.monotonic() + 60
    while len(idents) < 100 and time.monotonic() < end:
        came += connection.receive()
        while len(came) >= runner.REPLY.size:
            ident, *_, out, err, record = runner.REPLY.unpack_from(came)
            if len(came) < runner.REPLY.size + out + err + record:
                break
            del came[: runner.REPLY.size + out + err + record]
            idents.append(ident)
    connection.close()
    assert idents == list(range(1, 101))


@needs_root
def test_no_later_child_has_an_earlier_ones_secret(fresh: tuple[str, Pooled]) -> None:
    name, pool = fresh
    pool.shut()
    pool = opened(name, size=1)
    pool.cache = None
    secret = os.urandom(16).hex()
    sleeper = "import time\ntime.sleep(1.5)"

    def look() -> list[bool]:
        time.sleep(0.7)
        (supervisor,) = supervisors(name)
        (server,) = children(supervisor)
        (child,) = children(server)
        return [holds(pid, secret.encode()) for pid in (server, child)]

    found: list[list[bool]] = []
    for source in (f"x = '{secret}'\n{sleeper}", *[f"x = '{secret}' * 100"] * 5, sleeper):
        scan = threading.Thread(target=lambda: found.append(look())) if sleeper in source else None
        if scan:
            scan.start()
        assert pool.run([Job(source, stdin=secret if "x =" in source else "")])[0].status == "ok"
        if scan:
            scan.join()
    assert found == [[False, True], [False, False]], "first: the scan sees it where it is; then: nowhere"
    pool.shut()


def test_an_unchanged_job_is_run_once() -> None:
    again = opened("local", size=1)
    assert again.cache is not None
    jobs = [Job("print(1)"), Job("print(2)"), Job("print(1)")]
    first = again.run(jobs)
    assert [verdict.stdout for verdict in first] == ["1\n", "2\n", "1\n"]
    assert again.counters().runs == 2
    assert again.run(jobs) == first
    assert again.counters().runs == 2
    again.run(
        [Job("print(1)", limits=Limits(megabytes=99)), Job("print(1)", stdin="x"), Job("print(1)", repeat=2)]
    )
    assert again.counters().runs == 6
    again.run([Job("while True: pass", limits=Limits(seconds=0.2))])
    again.run([Job("while True: pass", limits=Limits(seconds=0.2))])
    assert again.counters().statuses["timeout"] == 2, "a timeout may be the machine's fault: never kept"
    again.shut()


def test_zero_and_minus_zero_are_different_jobs() -> None:
    pool = opened("local", size=1)
    jobs = [Job("import math\ndef f(x): return math.copysign(1, x)", "f", ((zero,),)) for zero in (0.0, -0.0)]
    assert [verdict.results[0].value for verdict in pool.run(jobs)] == [1.0, -1.0]
    pool.shut()


def mixed(count: int) -> list[Job]:
    """Every kind of ending, thousands of times."""
    kinds = [
        Job("def f(x): return x", "f", ((1,), ("a",), ([1, 2],))),
        Job("print('x' * 3000)"),
        Job("1 / 0"),
        Job("import os; os.fork()"),
        Job("import os; os._exit(0)"),
        Job("import os; os.write(3, b'x')"),
        Job("x = bytearray(1 << 34)"),
        Job("print(input())", stdin="y\n" * 9000),
        Job("import threading\nthreading.Thread(target=print).start()"),
        Job("while True: print('x' * 5000)"),
    ]
    return [kinds[i % len(kinds)] for i in range(count)]


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_root
def test_ten_thousand_mixed_programs_leave_no_trace(fresh: tuple[str, Pooled]) -> None:
    name, pool = fresh
    pool.run(mixed(1000))
    roots = supervisors(name)
    theirs = [pid for root in roots for pid in family(root)]
    ours = [os.getpid()]
    before = resident(theirs), descriptors(theirs), resident(ours), descriptors(ours)
    for _ in range(20):
        pool.run(mixed(500))  # and let their verdicts go
    assert supervisors(name) == roots, "none was replaced"
    assert until(lambda: [pid for root in roots for pid in family(root)] == theirs)
    after = resident(theirs), descriptors(theirs), resident(ours), descriptors(ours)
    assert after[1] == before[1]
    assert after[3] <= before[3]
    assert after[0] < before[0] * 1.1 + 1024, f"{before} {after}"
    assert after[2] < before[2] * 1.1 + 16384, f"{before} {after}"


class _Engine:
    """A Docker engine of the test's own, to be killed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.host = f"unix://{root}/docker.sock"

    def start(self) -> None:
        for left in ("docker.pid", "docker.sock", "exec/containerd/containerd.pid"):
            (self._root / left).unlink(missing_ok=True)
        flags = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        folders = [f"--data-root={self._root}/data", f"--exec-root={self._root}/exec", f"--host={self.host}"]
        with open(self._root / "log", "ab") as log:
            command = ["dockerd", *flags, *folders, f"--pidfile={self._root}/docker.pid"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        assert until(self._answers, 60)

    def _answers(self) -> bool:
        try:
            engine(timeout=2).close()
        except (RuntimeError, DockerException, OSError):
            return False
        return True

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


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
def test_an_engine_restarted_under_load_loses_no_verdict(own_engine: _Engine, how: signal.Signals) -> None:
    pool = docker_verifier(2)
    pool.cache = None
    pool.run(batch(4))

    def strike() -> None:
        time.sleep(0.3)
        own_engine.process.send_signal(how)
        own_engine.process.wait(30)
        own_engine.start()

    killer = threading.Thread(target=strike)
    killer.start()
    right = honest_or_infra(pool.run(batch()))
    killer.join()
    assert right >= 150
    assert honest_or_infra(pool.run(batch(20)), 20) == 20
    pool.shut()
    remove_orphans()
    assert until(lambda: not containers())


def test_no_engine_in_the_middle_is_infra_for_all_and_hangs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparring.sandbox import VerifierError, worker

    monkeypatch.setattr(worker, "OPEN_TRIES", 2)

    def refuse() -> LocalConnection:
        raise VerifierError("gone")

    pool = Pooled("gone", Pool(refuse, 2))
    assert {verdict.status for verdict in pool.run([Job("pass")] * 5)} == {"infra"}
    pool.shut()


def test_below_the_floor_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    from sparring.sandbox import VerifierError

    with pytest.raises(VerifierError, match="has no moonlock"):
        local_verifier(1, floor="landlock+moonlock")
    assert LIFETIME_SECONDS > 0


def test_a_supervisor_that_hears_nothing_leaves() -> None:
    command = [interpreter(), "-S", "-s", "-P", runner.__file__, "supervise", "seccomp", "1"]
    silent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert silent.wait(20) == 0
    silent.communicate()
