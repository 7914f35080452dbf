"""Verdicts for callers that cannot await: a verifier opened at the first job, in a loop of its own.

Games know no sandbox. So whoever puts the rooms together says once, by `install`, how a name such as
`auto` becomes a verifier; `import sparring` does. This module imports little, because that import must
stay fast.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from .errors import SparringError

if TYPE_CHECKING:
    import asyncio

    from .table import Table
    from .types import Job, Verdict

T = TypeVar("T")


class Verifies(Protocol):
    """The part of a verifier that is needed here."""

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]: ...

    async def close(self) -> None: ...


Opener: TypeAlias = Callable[[], Verifies]
ByName: TypeAlias = Callable[[str], Verifies]

_by_name: ByName | None = None


def install(open_by_name: ByName) -> None:
    """Say how a name becomes a verifier; the last one installed is asked, at the first job."""
    global _by_name
    _by_name = open_by_name


class NoVerifierError(SparringError, RuntimeError):
    """A game runs code and was given nothing to run it."""


class Verdicts:
    """Runs jobs for synchronous callers. Copies and pickles share or reopen the verifier.

    `verifier` is a name, a callable that opens one, or an open verifier. An open one is not closed here
    and must not belong to a running loop.
    """

    def __init__(self, verifier: str | Opener | Verifies) -> None:
        self._wanted = verifier
        self._open: Verifies | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def settle(self, table: Table) -> None:
        """Answer a table's jobs until it asks a seat, or is over."""
        while table.jobs:
            table.answer(self.run(table.jobs))

    def run(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        """One verdict per job. Raises NoVerifierError, or what the verifier raises when it cannot start."""
        if self._open is None:
            # only now, so that a game without code starts no sandbox
            self._open = self._opened()
        return self._await(self._open.verify(jobs))

    def close(self) -> None:
        """Release the verifier if it was opened here; safe to call twice, and a later job reopens it."""
        # one that the caller opened may still be in use there
        if self._open is not None and self._open is not self._wanted:
            self._await(self._open.close())
        self._open = None

        if self._loop is not None:
            # only its own thread may touch a loop, and that thread closes it at its end
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    def _opened(self) -> Verifies:
        wanted = self._wanted
        if not isinstance(wanted, str):
            return wanted() if callable(wanted) else wanted
        if _by_name is None:
            raise NoVerifierError(
                f"no verifier {wanted!r} is installed; pass verifier=… (an open one)"
            )
        return _by_name(wanted)

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        import asyncio  # late: it costs 30 ms, and most games run no code
        import threading

        # a thread of its own, because the caller may itself stand inside a running loop
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # a daemon, so that a caller that forgets to close can still exit
            threading.Thread(target=_serve, args=(self._loop,), daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # a verifier keeps nothing of a game, and opening a second one is dear
    def __deepcopy__(self, memo: object) -> Verdicts:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # a loop and its thread cannot be pickled, so the copy opens what was asked for
        return Verdicts, (self._wanted,)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
