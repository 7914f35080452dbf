"""A writer killed with signal 9, thirty times at six kinds of moments, loses and doubles nothing."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sparring.agents.policy import Policy
from sparring.arenas.executors import local as run
from sparring.arenas.executors.local import Local, played
from sparring.arenas.results import complete
from sparring.arenas.store import Store, segments
from sparring.arenas.store.reading import Archive
from sparring.envs.registry import Game

KILLS = 30
PAIRS = 1000  # far more than thirty short lives can play, on a fast machine too


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def counted(nth: int) -> Callable[[], bool]:
    """True at the nth call."""
    calls = 0

    def now() -> bool:
        nonlocal calls
        calls += 1
        return calls == nth

    return now


def before_transcripts(nth: int, _: random.Random) -> None:
    now, append = counted(nth), segments.Segments.append

    def patched(self: segments.Segments, lines: list[bytes]) -> list[tuple[int, int, int]]:
        if now():
            die()
        return append(self, lines)

    segments.Segments.append = patched  # type: ignore[method-assign]


def inside_transcripts(nth: int, rng: random.Random) -> None:
    now, write = counted(nth), os.write

    def patched(file: int, data: bytes) -> int:
        if len(data) > 1000 and now():
            write(file, data[: rng.randrange(len(data))])
            die()
        return write(file, data)

    segments.os.write = patched


def between_transcripts_and_rows(nth: int, _: random.Random) -> None:
    now, append = counted(nth), segments.Segments.append

    def patched(self: segments.Segments, lines: list[bytes]) -> list[tuple[int, int, int]]:
        found = append(self, lines)
        if now():
            die()
        return found

    segments.Segments.append = patched  # type: ignore[method-assign]


def inside_the_transaction(nth: int, _: random.Random) -> None:
    now, transaction = counted(nth + 3), Store._transaction

    @contextmanager
    def patched(self: Store) -> Generator[None]:
        with transaction(self):
            yield
            if now():
                die()

    Store._transaction = patched


def after_the_transaction(nth: int, _: random.Random) -> None:
    now, record = counted(nth), Store.record

    def patched(self: Store, settled: list[object], seconds: float = 0.0) -> int:
        new = record(self, settled, seconds)  # type: ignore[arg-type]
        if now():
            die()
        return new

    Store.record = patched  # type: ignore[method-assign,assignment]


def at_any_time(_: int, rng: random.Random) -> None:
    signal.signal(signal.SIGALRM, lambda *_: die())
    signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 0.02))


MOMENTS = (
    before_transcripts,
    inside_transcripts,
    between_transcripts_and_rows,
    inside_the_transaction,
    after_the_transaction,
    at_any_time,
)


def killed(arrange: Callable[[], None], work: Callable[[], None]) -> bool:
    """Do the work in a child that `arrange` has prepared to die; whether it died of it."""
    child = os.fork()
    if child == 0:
        try:
            arrange()
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_writer_killed_thirty_times_leaves_what_an_undisturbed_one_leaves(
    tmp_path: Path, kuhn: Game, games, players: dict[str, Policy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "BATCH", 8)
    plan = games(PAIRS)

    def work(path: Path) -> None:
        with Store(path) as store:
            played(store, plan, Local(players, at_once=4))

    work(tmp_path / "calm.sqlite")
    path, rng, deaths = tmp_path / "killed.sqlite", random.Random(0), 0
    for turn in range(KILLS):
        moment = MOMENTS[turn % len(MOMENTS)]
        nth = 1 + turn // len(MOMENTS) % 3
        deaths += killed(lambda m=moment, n=nth: m(n, rng), lambda: work(path))
        if path.exists():
            with Archive(path) as store:
                rows = store.rows(kuhn)
                assert len({row.key for row in rows}) == len(rows)
                assert all(len(pair.legs) == 2 for pair in complete(rows))
                assert all(store.transcript(key) for key in store)
    with Archive(path) as store:
        assert 0 < len(store) < len(plan)  # every one of them died in the middle of the work
    assert deaths == KILLS
    work(path)
    with Archive(path) as store, Archive(tmp_path / "calm.sqlite") as calm:
        assert list(store.export()) == list(calm.export())
        assert all(store.transcript(key) == calm.transcript(key) for key in calm)
        assert complete(store.rows(kuhn)) != ()


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_each_moment_of_death_is_real(
    moment: Callable[[int, random.Random], None],
    tmp_path: Path,
    games,
    players: dict[str, Policy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "BATCH", 8)
    path = tmp_path / "s.sqlite"
    plan = games(100)

    def work() -> None:
        with Store(path) as store:
            played(store, plan, Local(players, at_once=4))

    assert killed(lambda: moment(2, random.Random(3)), work)
    if moment is between_transcripts_and_rows:
        text = (tmp_path / "s.transcripts" / "000001.jsonl").read_text().count("\n")
        with Archive(path) as store:
            assert text > len(store)
