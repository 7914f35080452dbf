"""What this machine offers for running untrusted code, and what would make it stronger."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .runner.locks import landlock_abi, seccomp_works
from .verifier import VerifierError

DEFAULT = Path("/var/run/docker.sock")


@dataclass(frozen=True, slots=True)
class Report:
    """The findings as (what, finding) pairs, what `auto` takes, and advice for a stronger sandbox."""

    facts: tuple[tuple[str, str], ...]
    auto: str
    advice: tuple[str, ...]

    def __str__(self) -> str:
        width = max(len(what) for what, _ in self.facts)
        lines = [f"{what:<{width}}  {finding}" for what, finding in self.facts]
        return "\n".join(
            [*lines, "", f"auto takes: {self.auto}", *(f"stronger: {line}" for line in self.advice)]
        )


def _line(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _engine() -> tuple[str, list[str]]:
    """What the engine says of itself, and its runtimes; the second is empty where none answers."""
    try:
        from .docker import engine

        client = engine(timeout=5)
        try:
            told = client.info()
        finally:
            client.close()
    except (ImportError, VerifierError, OSError) as fault:
        return str(fault).partition(";")[0], []
    rootless = any("rootless" in option for option in told.get("SecurityOptions") or [])
    said = f"Docker {told.get('ServerVersion')}, cgroup v{told.get('CgroupVersion')}"
    return said + (", rootless" if rootless else ""), sorted(told.get("Runtimes") or {})


def _namespaces() -> str:
    # The kernel's limit, and the switch that Debian adds to it.
    allowed = _line("/proc/sys/user/max_user_namespaces") not in ("", "0")
    switched_off = _line("/proc/sys/kernel/unprivileged_userns_clone") == "0"
    return "yes" if allowed and not switched_off else "no"


def _cgroups() -> str:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return "v2"
    return "v1" if Path("/sys/fs/cgroup/memory").exists() else "none"


def doctor() -> Report:
    """Look at the machine; starts nothing."""
    landlock, seccomp = landlock_abi(), seccomp_works()
    said, runtimes = _engine()
    machine = f"{platform.system()} {platform.release()} {platform.machine()}"
    facts = (
        ("machine", f"{machine}, {os.cpu_count()} cores"),
        ("engine", said),
        ("runtimes", ", ".join(runtimes) or "none"),
        ("Landlock", f"ABI {landlock}" if landlock else "none"),
        ("seccomp", "yes" if seccomp else "no"),
        ("user namespaces", _namespaces()),
        ("cgroups", _cgroups()),
    )

    local = "+".join(
        [name for name, works in (("landlock", landlock), ("seccomp", seccomp)) if works]
    )
    if runtimes:
        auto = "docker"
    elif landlock and seccomp:
        auto = f"local({local})"
    else:
        auto = "nothing: neither an engine nor Landlock and seccomp are here"
    return Report(facts, auto, tuple(_advice(runtimes, landlock)))


def _sockets() -> Iterator[Path]:
    """Where engines listen: the system's, a rootless one's, Docker Desktop's."""
    yield DEFAULT
    yield Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")) / "docker.sock"
    for folder in ("run", "desktop"):
        yield Path.home() / ".docker" / folder / "docker.sock"


def _engine_advice() -> str:
    """How to get an engine, from what is here."""
    named = os.environ.get("DOCKER_HOST", "")
    found = [path for path in _sockets() if path.is_socket() and f"unix://{path}" != named]
    usable = [path for path in found if os.access(path, os.W_OK)]

    # The advice that takes the least work comes first.
    if usable and (named or usable[0] != DEFAULT):
        return f"export DOCKER_HOST=unix://{usable[0]}, where an engine's socket is"
    if named:
        return f"start the engine that DOCKER_HOST names ({named}), or name another"
    if usable:
        return f"start Docker: {DEFAULT} is there, but nothing answers (`systemctl start docker`)"
    if found:
        return f"this user may not use {found[0]}: join its group, as good as root, or run a rootless engine"
    if shutil.which("dockerd"):
        return "start Docker, which is installed: `systemctl start docker`, a rootless one with `--user`"
    return "install Docker (a rootless engine will do) and start it, or point DOCKER_HOST at one elsewhere"


def _advice(runtimes: list[str], landlock: int) -> list[str]:
    advice: list[str] = []
    if not runtimes:
        advice.append(_engine_advice())
    elif "runsc" not in runtimes:
        advice.append('gVisor (runtime "runsc") puts a second kernel between programs and yours')
    if landlock < 6:
        advice.append(
            "Linux 6.12 or later, so that Landlock also keeps signals and abstract sockets in"
        )
    return advice
