"""From a name to a verifier. `auto` takes Docker if an engine answers, else the host.

A verifier is never weaker than the one that was asked for.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from ..envs.hooks import hook
from ..envs.types import Job, Verdict
from .verifier import Verifier, VerifierError

if TYPE_CHECKING:
    from .pool.verifier import Pooled

NAMES = ("auto", "docker", "local")
PLUGINS = "sparring.verifiers"
"""The group of entry points that name other people's verifiers: each is called and gives one."""


def find_verifier(name: str = "auto") -> Verifier:
    """One of ours, or another's by its entry point, `package.module:function` or `file.py:function`.

    Raises VerifierError when no verifier has that name or it cannot be opened.
    """
    check_name(name)
    if name in NAMES:
        return open_verifier(name)

    # Another's: what it does at its import is its own.
    for entry in importlib.metadata.entry_points(group=PLUGINS, name=name):
        return _opened(name, entry.load)
    return _opened(name, lambda: hook(name))


def check_name(name: str) -> None:
    """Raise VerifierError for what cannot be a verifier's name. Nothing is opened or imported."""
    if name in NAMES or ":" in name:
        return
    theirs = {entry.name for entry in importlib.metadata.entry_points(group=PLUGINS)}
    if name not in theirs:
        known = ", ".join(sorted({*NAMES, *theirs}))
        raise VerifierError(
            f"no verifier {name!r}; give one of {known}, or your own as MODULE:FUNCTION"
        )


def _opened(name: str, find: Callable[[], object]) -> Verifier:
    try:
        verifier = cast("Callable[[], object]", find())()
    except Exception as fault:  # another's code may fail in any way
        raise VerifierError(
            f"the verifier {name!r} cannot be opened ({type(fault).__name__}: {fault})"
        ) from fault

    lacking = [part for part in ("name", "verify", "close") if not hasattr(verifier, part)]
    if lacking:
        what = type(verifier).__name__
        raise VerifierError(
            f"{name!r} gave a {what}, which is no verifier: it has no {', no '.join(lacking)}"
        )
    return cast(Verifier, verifier)


def open_verifier(name: str = "auto", size: int | None = None) -> Pooled:
    """The verifier called `auto`, `docker` or `local`, with `size` supervisors (default: one per core).

    Its `name` says which it is and how strong. Raises VerifierError when it cannot be opened: `docker` where
    no engine answers is an error, and never another verifier.
    """
    if name not in NAMES:
        raise VerifierError(f"no verifier {name!r} of ours; give one of {', '.join(NAMES)}")
    if name == "local":
        return _local(size)

    try:
        from .docker import docker_verifier, engine

        if name == "auto":
            engine(timeout=3).close()
    except (ImportError, VerifierError) as fault:
        if name == "docker":
            raise VerifierError(str(fault)) from fault
        return _local(size)
    return docker_verifier(size)


def _local(size: int | None) -> Pooled:
    from .local import local_verifier

    return local_verifier(size)


class Lazy:
    """The verifier called `name`, opened at its first job: games without code then need no engine.

    `opened` is told the name of the verifier that was opened. Raises VerifierError at once for an
    unknown name, and at the first job when that verifier cannot be opened.
    """

    def __init__(self, name: str = "auto", opened: Callable[[str], None] = lambda _: None) -> None:
        check_name(name)
        self._wanted = name
        self._opened = opened
        self._verifier: Verifier | None = None

    @property
    def name(self) -> str:
        return self._verifier.name if self._verifier else ""

    def open(self) -> Verifier:
        """The verifier, opened if it is not yet."""
        if self._verifier is None:
            self._verifier = find_verifier(self._wanted)
            self._opened(self._verifier.name)
        return self._verifier

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        return await self.open().verify(jobs)

    async def close(self) -> None:
        if self._verifier:
            await self._verifier.close()
            self._verifier = None
