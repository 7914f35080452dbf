"""Snippets per second of every way to run one, side by side in one run, and the ratio to the floor.

    python benchmarks/sandbox.py [--seconds 3]

The floor is a bare Python that forks, runs the snippet and exits, as many at once as there are cores: nothing
that gives each snippet a process of its own can be faster. Peers are measured where they are installed.
Engine: DOCKER_HOST. The machine should be otherwise idle.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from statistics import quantiles

from sparring.envs.types import Job
from sparring.sandbox import VerifierError, open_verifier
from sparring.sandbox.local import interpreter
from sparring.sandbox.pooled import Pooled

SOURCE = "def f(x): return x + 1"
JOB = Job(SOURCE, "f", ((1,),))
CORES = os.cpu_count() or 1
FLOOR = f"""
import os, sys, time
work, seconds = sys.argv[1], float(sys.argv[2])
end, count = time.monotonic() + seconds, 0
while time.monotonic() < end:
    pid = os.fork()
    if pid == 0:
        if work == "run":
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


def repeated(once: Callable[[], object], seconds: float, at_once: int = CORES) -> tuple[float, list[float]]:
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
    if len(times) > 20:
        cuts = quantiles(times, n=20)
        spread = f"{cuts[9]:8.2f} {cuts[18]:8.2f}"
    else:
        spread = f"{'':>8} {'':>8}"
    print(f"{name:<44} {rate:9.0f} {spread} {rate / base:8.2f}  {aim}", flush=True)


def executor(name: str, base: float, seconds: float) -> None:
    """Ours, one by one, in frames, and one program on many inputs."""
    try:
        verifier = open_verifier(name, size=CORES)
    except VerifierError as fault:
        print(f"{name}: {fault}")
        return
    verifier.cache = None
    verifier.run([JOB] * 64)
    one, frames = {"local": ("aim 0.45; p95 ≤ 5 ms", ""), "docker": ("aim 0.33", "aim 0.45")}[name]
    rate, times = asked(verifier, 1, seconds)
    line(f"{verifier.name}, one by one", rate, base, times, one)
    rate, times = asked(verifier, 16, seconds)
    line(f"{verifier.name}, frames of 16", rate, base, times, frames)
    many = Job(SOURCE, "f", tuple((i,) for i in range(100)))
    began, count = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        verifier.run([many] * 32)
        count += 3200
    rate = count / (time.monotonic() - began)
    line(f"{verifier.name}, calls at 100 inputs", rate, base, aim="aim ≥ 30,000 calls/s")
    verifier.shut()


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
        f"{'a container replaced':<44} {min(taken):9.3f} s at best, {max(taken):.3f} s at worst; aim ≤ 0.3 s"
    )


def peers(base: float, seconds: float) -> None:
    """What others do for each snippet."""
    program = f"{SOURCE}\nprint(f(1))"
    bare = [interpreter(), "-S", "-I", "-c", program]
    rate, times = repeated(lambda: subprocess.run(bare, capture_output=True, check=True), seconds)
    line("subprocess per snippet, no protection", rate, base, times)
    docker_exec(program, base, seconds)
    if importlib.util.find_spec("llm_sandbox"):
        from llm_sandbox import SandboxSession  # pyright: ignore

        with SandboxSession(lang="python", keep_template=True) as session:
            rate, times = repeated(lambda: session.run(program), seconds, 1)
        line("llm-sandbox, warm", rate, base, times)
    else:
        print("llm-sandbox: not installed")
    print("SWE-ReX: " + ("installed" if importlib.util.find_spec("swerex") else "not installed"))


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
    seconds = parser.parse_args().seconds
    print(f"{CORES} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':<44} {'per s':>9} {'p50 ms':>8} {'p95 ms':>8} {'of floor':>8}")
    base = floor("run", seconds)
    line("floor: fork and exit", floor("exit", seconds), base)
    line("floor: fork, run, exit", base, base)
    executor("local", base, seconds)
    executor("docker", base, seconds)
    replacement()
    peers(base, seconds)


if __name__ == "__main__":
    main()
