"""When something dies in the middle: every job gets a verdict or `infra`, nothing hangs, nothing is left."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sparring.envs.types import Job, Limits
from sparring.sandbox import VerifierError
from sparring.sandbox.docker import (
    engine,
    owner,
    remove_orphans,
)
from sparring.sandbox.local import LocalConnection, command, local_verifier
from sparring.sandbox.pool.pool import Pool
from sparring.sandbox.pool.verifier import Pooled

from ..conftest import opened
from .batches import BOTH, batch, honest_or_infra, needs_root
from .processes import alive, containers, family, supervisors, under_way, until


@needs_root
def test_a_killed_supervisor_is_replaced_and_its_jobs_are_tried_again(
    fresh: tuple[str, Pooled],
) -> None:
    name, pool = fresh
    pool.run(batch(4))
    known = [pid for each in supervisors(name) for pid in family(each)]

    def strike() -> None:
        assert until(lambda: bool(forking(name)))
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
        assert until(lambda: pool.counters().runs > 20)
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
from sparring.envs.types import Job, Limits
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


@needs_root
def test_a_run_that_twice_has_what_forks_it_killed_has_lost() -> None:
    """As where memory runs out: the first time beside others, the second time alone."""
    pool = opened("local", size=1)
    pool.cache = None
    pool.run([Job("pass")])

    def strike() -> None:
        for _ in range(2):
            server = lasting("local")
            os.kill(server, signal.SIGKILL)
            assert until(lambda server=server: not alive(server))

    killer = threading.Thread(target=strike)
    killer.start()
    beside, lost = pool.run(
        [Job("pass"), Job("import time; time.sleep(90)", limits=Limits(seconds=90))]
    )
    killer.join()
    # shut first: a pool that is left open would fail the tests after this one
    pool.shut()
    assert (beside.status, lost.status) == ("ok", "memory"), lost.detail


@needs_root
def test_a_child_is_the_first_to_go_where_memory_runs_out(fresh: tuple[str, Pooled]) -> None:
    name, pool = fresh
    found: list[list[str]] = []

    def look() -> bool:
        for root in supervisors(name):
            if pair := under_way(root):
                places = [Path(f"/proc/{pid}/oom_score_adj") for pid in (root, *pair)]
                # a child may end while it is looked at: then there is another look
                with suppress(OSError):
                    found.append([place.read_text().strip() for place in places])
        return bool(found)

    watcher = threading.Thread(target=lambda: until(look))
    watcher.start()
    while watcher.is_alive():
        pool.run([Job("import time; time.sleep(1)", limits=Limits(seconds=20))])
    watcher.join()
    supervisor, server, child = found[0]
    assert child == "1000"
    assert supervisor == server != child


def forking(name: str) -> list[tuple[int, int]]:
    """Every fork server of ours that has a child, and the child."""
    return [pair for root in supervisors(name) if (pair := under_way(root))]


def lasting(name: str) -> int:
    """The fork server whose child is still there a second later: no short run's, whatever the load."""
    seen: dict[int, float] = {}
    found: list[int] = []

    def look() -> bool:
        now = time.monotonic()
        for server, child in forking(name):
            if now - seen.setdefault(child, now) > 1:
                found.append(server)
        return bool(found)

    assert until(look)
    return found[0]


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


def test_below_the_floor_nothing_starts() -> None:
    with pytest.raises(VerifierError, match="has no moonlock"):
        local_verifier(1, floor="landlock+moonlock")


def test_a_supervisor_that_hears_nothing_leaves() -> None:
    arguments = [*command(), "supervise", "seccomp", "1"]
    silent = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert silent.wait(20) == 0
    silent.communicate()
