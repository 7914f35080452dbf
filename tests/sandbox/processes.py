"""Looking at processes through /proc, as root sees them."""

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import docker
from sparring.sandbox.docker import OWNER, owner


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        below = children(pid)
    except OSError:
        return []
    return [pid, *(each for child in below for each in family(child))]


def under_way(supervisor: int) -> tuple[int, int] | None:
    """The fork server with a child, and the child; None where no run is under way."""
    try:
        found = [(each, child) for each in children(supervisor) for child in children(each)]
    except OSError:
        return None
    return found[0] if found else None


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def until(condition: Callable[[], bool], seconds: float = 180.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def containers(of: str | None = None, running: bool = False) -> list[str]:
    """Ids of the containers of an owner, by default this process: all, or those that are running."""
    client = docker.from_env()
    try:
        return [
            each["Id"]
            for each in client.api.containers(
                all=not running, filters={"label": f"{OWNER}={of or owner()}"}
            )
        ]
    finally:
        client.close()


def command(pid: int) -> bytes:
    """A process's command line; empty where it is gone: others of ours may end while we look."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def supervisors(name: str) -> list[int]:
    """Process ids of this process's supervisors."""
    if name == "local":
        return [pid for pid in children(os.getpid()) if b"supervise" in command(pid)]
    client = docker.from_env()
    try:
        return [client.api.inspect_container(each)["State"]["Pid"] for each in containers()]
    finally:
        client.close()


def holds(pid: int, secret: bytes) -> bool:
    """Whether a process has these bytes in its writable memory."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if span:
                start, end = (int(edge, 16) for edge in span.groups())
                try:
                    memory.seek(start)
                    if secret in memory.read(end - start):
                        return True
                except (OSError, OverflowError):
                    continue
    return False


def resident(pids: Iterable[int]) -> int:
    """Resident KiB of all of them."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 for pid in pids)


def descriptors(pids: Iterable[int]) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
