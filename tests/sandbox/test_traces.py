"""Nothing grows and nothing is left: neither memory, descriptors and processes, nor what a program said."""

import os
import threading
import time

import pytest
from sparring.envs.types import Job, Limits
from sparring.sandbox.local import LocalConnection
from sparring.sandbox.pool.verifier import Pooled
from sparring.sandbox.request import Run, request
from sparring.sandbox.runner.wire import REPLY

from ..conftest import opened
from .batches import mixed, needs_root
from .processes import children, descriptors, family, holds, resident, supervisors, under_way, until


@needs_root
def test_no_later_child_has_an_earlier_ones_secret(fresh: tuple[str, Pooled]) -> None:
    name, pool = fresh
    pool.shut()
    pool = opened(name, size=1)
    pool.cache = None
    secret = os.urandom(16).hex()
    sleeper = "import time\ntime.sleep(4)"
    wide = Limits(seconds=60.0)

    def look() -> list[bool]:
        (supervisor,) = supervisors(name)
        assert until(lambda: under_way(supervisor) is not None)
        time.sleep(0.3)  # by then it has read its source, and it sleeps for long
        pair = under_way(supervisor)
        assert pair is not None
        return [holds(pid, secret.encode()) for pid in (*pair, *children(supervisor))]

    found: list[list[bool]] = []
    for source in (f"x = '{secret}'\n{sleeper}", *[f"x = '{secret}' * 100"] * 5, sleeper):
        scan = threading.Thread(target=lambda: found.append(look())) if sleeper in source else None
        if scan:
            scan.start()
        job = Job(source, stdin=secret if "x =" in source else "", limits=wide)
        assert pool.run([job])[0].status == "ok"
        if scan:
            scan.join()
    assert found == [[False, True, False, False], [False] * 4], (
        "first: the scan sees it where it is; then: nowhere"
    )
    pool.shut()


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


def test_what_is_in_flight_is_bounded_whatever_is_asked() -> None:
    verifier = opened("local", size=1)
    verifier.cache = None
    job = Job(
        "pass", stdin="x" * (1 << 20), limits=Limits(seconds=60.0)
    )  # whatever else the machine does
    verifier.run([job] * 20)
    before = resident([os.getpid()])
    verdicts = verifier.run([job] * 300)
    assert not [(verdict.status, verdict.detail) for verdict in verdicts if verdict.status != "ok"]
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
        while len(came) >= REPLY.size:
            ident, *_, out, err, record = REPLY.unpack_from(came)
            if len(came) < REPLY.size + out + err + record:
                break
            del came[: REPLY.size + out + err + record]
            idents.append(ident)
    connection.close()
    assert idents == list(range(1, 101))
