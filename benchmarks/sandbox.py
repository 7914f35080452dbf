"""Snippets per second of every way to run one, side by side in one run, and the ratio to the floor.

    python benchmarks/sandbox.py [--seconds 3] [--peers PYTHON]

The floor is a bare Python that forks, runs the snippet and exits, as many at once as there are cores: nothing
that gives each snippet a process of its own can be faster. Latencies are shown in forks of that floor too:
what a fork takes differs tenfold between machines. PYTHON is an interpreter that has the peers
(`pip install "llm-sandbox[docker]" swe-rex`), by default this one. Engine: DOCKER_HOST. The machine should be
otherwise idle; every line of ours is measured beside the floor again, so that what else runs weighs on both.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from sparring.envs.types import Job
from sparring.sandbox import VerifierError, open_verifier
from sparring.sandbox.local import interpreter
from sparring.sandbox.pool.verifier import Pooled

SOURCE = "def f(x): return x + 1"
JOB = Job(SOURCE, "f", ((1,),))
CORES = os.cpu_count() or 1
Measure = Callable[[float], tuple[float, list[float]]]
"""Given seconds, a rate and each call's milliseconds."""
FLOOR = f"""
import os, sys, time
work, seconds = sys.argv[1], float(sys.argv[2])
if work == "warm":
    compile("0", "s", "exec")
end, count = time.monotonic() + seconds, 0
while time.monotonic() < end:
    pid = os.fork()
    if pid == 0:
        if work != "exit":
            space = {{}}
            exec(compile({SOURCE!r}, "s", "exec"), space)
            space["f"](1)
        os._exit(0)
    os.waitpid(pid, 0)
    count += 1
print(count)
"""


def floor(work: str, seconds: float) -> float:
    """Forks per second of bare interpreters, one per core."""
    command = [interpreter(), "-S", "-I", "-c", FLOOR, work, str(seconds)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(CORES)]
    return sum(int(racer.communicate()[0]) for racer in racers) / seconds


def repeated(
    once: Callable[[], object], seconds: float, at_once: int = CORES
) -> tuple[float, list[float]]:
    """Calls per second of `once` in so many threads, and every call's milliseconds."""
    times: list[float] = []
    end = time.monotonic() + seconds

    def loop() -> None:
        while (began := time.monotonic()) < end:
            once()
            times.append((time.monotonic() - began) * 1000)

    racers = [threading.Thread(target=loop) for _ in range(at_once)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    return len(times) / seconds, times


def asked(verifier: Pooled, frame: int, seconds: float) -> tuple[float, list[float]]:
    """Snippets per second when each of `CORES` callers awaits `frame` of them at a time."""
    times: list[float] = []

    async def caller(end: float) -> None:
        while (began := time.monotonic()) < end:
            verdicts = await verifier.verify([JOB] * frame)
            assert all(verdict.status == "ok" for verdict in verdicts)
            times.append((time.monotonic() - began) * 1000)

    async def all_of_them() -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*[caller(end) for _ in range(CORES)])

    asyncio.run(all_of_them())
    return len(times) * frame / seconds, times


def line(name: str, rate: float, base: float, times: Sequence[float] = (), aim: str = "") -> None:
    """One row: rate, latencies in milliseconds and in forks of the floor, ratio to the floor."""
    spread = " " * 31
    if len(times) > 20:
        cuts = quantiles(times, n=20)
        fork = CORES / base * 1000
        spread = f"{cuts[9]:8.2f} {cuts[18]:8.2f} {cuts[9] / fork:6.1f} {cuts[18] / fork:6.1f}"
    print(f"{name:<52} {rate:8.0f} {spread} {rate / base:7.2f}  {aim}", flush=True)


def beside(measure: Measure, seconds: float) -> tuple[float, list[float], float]:
    """A rate, its times, and the floor's rate, in turns of a second."""
    rates: list[float] = []
    floors: list[float] = []
    times: list[float] = []
    for _ in range(max(1, round(seconds))):
        floors.append(floor("run", 1.0))
        rate, more = measure(1.0)
        rates.append(rate)
        times += more
    return sum(rates) / len(rates), times, sum(floors) / len(floors)


def executor(name: str, seconds: float) -> None:
    """Ours, one by one, in frames, and one program on many inputs."""
    try:
        verifier = open_verifier(name, size=CORES)
    except VerifierError as fault:
        print(f"{name}: {fault}")
        return
    verifier.cache = None
    verifier.run([JOB] * 64)
    one, frames = {"local": ("aim 0.45, p95 ≤ 5 ms", ""), "docker": ("aim 0.33", "aim 0.45")}[name]
    rate, times, base = beside(lambda span: asked(verifier, 1, span), seconds)
    line(f"{verifier.name}, one by one", rate, base, times, one)
    rate, times, base = beside(lambda span: asked(verifier, 16, span), seconds)
    line(f"{verifier.name}, frames of 16", rate, base, times, frames)
    rate, _, base = beside(lambda span: (calls(verifier, span), []), seconds)
    line(f"{verifier.name}, calls at 100 inputs", rate, base, aim="aim ≥ 30,000 calls/s")
    verifier.shut()


def calls(verifier: Pooled, seconds: float) -> float:
    """Calls per second of one program on 100 inputs at a time."""
    many = Job(SOURCE, "f", tuple((i,) for i in range(100)))
    began, count = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        verifier.run([many] * 32)
        count += 3200
    return count / (time.monotonic() - began)


def replacement() -> None:
    """How long a new container takes to its first greeting."""
    from sparring.sandbox.docker import MEGABYTES, DockerConnection, build
    from sparring.sandbox.image.build import tag

    try:
        build()
    except VerifierError:
        return
    taken: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        connection = DockerConnection(tag(), MEGABYTES, None)
        taken.append(time.monotonic() - began)
        connection.close()
    print(
        f"{'a container replaced':<52} {min(taken):9.3f} s at best, {max(taken):.3f} s at worst; aim ≤ 0.3 s"
    )


def peers(python: str, base: float, seconds: float) -> None:
    """What others do for each snippet."""
    bare = [interpreter(), "-S", "-I", "-c", f"{SOURCE}\nprint(f(1))"]
    rate, times = repeated(lambda: subprocess.run(bare, capture_output=True, check=True), seconds)
    line("subprocess per snippet, no protection", rate, base, times)
    docker_exec(f"{SOURCE}\nprint(f(1))", base, seconds)
    script = Path(__file__).with_name("peers.py")
    image = peer_image()
    command = [python, str(script), image or "none", interpreter(), str(seconds)]
    told = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
    )
    if image:
        forget(image)
    for row in told.stdout.splitlines():
        if not row.startswith("{"):
            continue  # a peer talks on the same line
        found = json.loads(row)
        if "why" in found:
            print(f"{found['name']}: not run: {found['why']}")
        else:
            line(f"{found['name']}, one at a time", found["rate"], base, found["times"])


def peer_image() -> str:
    """Our image with `python` and `mkdir` on its path, for llm-sandbox; nothing where no engine is."""
    from sparring.sandbox.docker import build, engine
    from sparring.sandbox.image.build import libraries, tag

    try:
        build()
        client = engine(timeout=120)
    except VerifierError:
        return ""
    mkdir = Path(shutil.which("mkdir") or "/bin/mkdir")
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        steps = (
            f'FROM {tag()}\nCOPY root/ /\nUSER 0\nENTRYPOINT []\nCMD ["python", "-c", "input()"]\n'
        )
        steps += "ENV PATH=/bin PYTHONDONTWRITEBYTECODE=1\n"
        for file, text in (("Dockerfile", steps), ("root/etc/passwd", "root:x:0:0::/:\n")):
            entry = tarfile.TarInfo(file)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        for path in sorted({mkdir, *libraries([mkdir])}):
            name = "/bin/mkdir" if path == mkdir else str(path)
            tar.add(path.resolve(), f"root{name}")
        link = tarfile.TarInfo("root/bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, interpreter()
        tar.addfile(link)
    context.seek(0)
    name = f"{tag()}-peers"
    try:
        client.images.build(fileobj=context, custom_context=True, tag=name, rm=True)
    finally:
        client.close()
    return name


def forget(image: str) -> None:
    """Remove an image of ours."""
    from sparring.sandbox.docker import engine

    client = engine()
    client.images.remove(image, force=True)
    client.close()


def docker_exec(program: str, base: float, seconds: float) -> None:
    """`docker exec` per snippet, in the same image."""
    from sparring.sandbox.docker import engine
    from sparring.sandbox.image.build import tag

    try:
        client = engine()
    except VerifierError:
        return
    container = client.containers.run(
        tag(), detach=True, stdin_open=True, network_mode="none", auto_remove=True
    )
    command = [interpreter(), "-S", "-I", "-c", program]
    try:
        rate, times = repeated(lambda: container.exec_run(command), seconds)
        line("docker exec per snippet (docker-py)", rate, base, times)
    finally:
        container.remove(force=True)
        client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="per line")
    parser.add_argument(
        "--peers", default=sys.executable, metavar="PYTHON", help="where the peers are"
    )
    arguments = parser.parse_args()
    seconds = arguments.seconds
    print(f"{CORES} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<52} {'per s':>8} {'p50 ms':>8} {'p95 ms':>8} {'forks':>6} {'':>6} {'of floor':>7}")
    base = floor("run", seconds)
    line("floor: fork and exit", floor("exit", seconds), base)
    line("floor: fork, run, exit", base, base)
    line("floor: the same, having compiled once before", floor("warm", seconds), base)
    executor("local", seconds)
    executor("docker", seconds)
    replacement()
    peers(arguments.peers, base, seconds)


if __name__ == "__main__":
    main()
