"""What this machine offers for running untrusted code, and what would make it stronger."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from . import runner
from .verifier import VerifierError


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
    allowed = _line("/proc/sys/user/max_user_namespaces") not in ("", "0")
    switched_off = _line("/proc/sys/kernel/unprivileged_userns_clone") == "0"
    return "yes" if allowed and not switched_off else "no"


def _cgroups() -> str:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return "v2"
    return "v1" if Path("/sys/fs/cgroup/memory").exists() else "none"


def doctor() -> Report:
    """Look at the machine; starts nothing."""
    landlock, seccomp = runner.landlock_abi(), runner.seccomp_works()
    said, runtimes = _engine()
    facts = (
        ("machine", f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"),
        ("engine", said),
        ("runtimes", ", ".join(runtimes) or "none"),
        ("Landlock", f"ABI {landlock}" if landlock else "none"),
        ("seccomp", "yes" if seccomp else "no"),
        ("user namespaces", _namespaces()),
        ("cgroups", _cgroups()),
    )
    local = "+".join([name for name, works in (("landlock", landlock), ("seccomp", seccomp)) if works])
    if runtimes:
        auto = "docker"
    elif landlock and seccomp:
        auto = f"local({local})"
    else:
        auto = "nothing: neither an engine nor Landlock and seccomp are here"
    return Report(facts, auto, tuple(_advice(runtimes, landlock)))


def _advice(runtimes: list[str], landlock: int) -> list[str]:
    advice: list[str] = []
    if not runtimes:
        advice.append("install Docker (a rootless engine will do) and start it, or point DOCKER_HOST at one")
    elif "runsc" not in runtimes:
        advice.append('gVisor (runtime "runsc") puts a second kernel between programs and yours')
    if landlock < 6:
        advice.append("Linux 6.12 or later, so that Landlock also keeps signals and abstract sockets in")
    return advice
