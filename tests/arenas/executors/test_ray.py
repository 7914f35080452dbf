"""A real local Ray cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest
from sparring.agents.policy import Policy, Request
from sparring.agents.scripted import scripted
from sparring.arenas.executors.local import Executor, Local, RunError, carry_out, played
from sparring.arenas.fixture import Fixture
from sparring.arenas.store import Store
from sparring.arenas.store.reading import Archive
from sparring.arenas.tournament import Call, tournament
from sparring.envs.registry import Game, find, load
from sparring.envs.types import PolicyRef, Reply

ray = pytest.importorskip("ray")
from sparring.arenas.executors.ray import Ray  # noqa: E402 - only where Ray is installed

COIN = """
from sparring.envs.registry import game
from sparring.envs.script import Script, ask_all

@game("test-ray-coin-v0", roles={"a": 1, "b": 1}, max_turns=2, payoff_range=(-1, 1), sum="zero", score="win",
      rules={"a": "Say heads or tails.", "b": "Say heads or tails."})
def coin() -> Script:
    said = yield from ask_all({"a": "?", "b": "?"}, choices=("heads", "tails"))
    won = 1 if said["a"] == said["b"] else -1
    return {"a": won, "b": -won}
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Generator[None]:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def seated(game: Game, specs: dict[str, str]) -> dict[str, Policy]:
    return {id: scripted(name, game) for id, name in specs.items()}


@pytest.fixture
def specs(kuhn: Game) -> dict[str, str]:
    return {scripted(name, kuhn).ref.id: name for name in ("random", "nash")}


@pytest.fixture
def plan(kuhn: Game, specs: dict[str, str]) -> list[Fixture]:
    return next(Call(kuhn, seated(kuhn, specs), 300, "round-robin", 0, {}).rounds())


def actors() -> list[int]:
    """Our actors' processes, found by their name and their descent from this process."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            named = (entry / "cmdline").read_bytes().startswith(b"ray::_Actor")
        except OSError:
            continue
        if named and os.getpid() in _ancestors(int(entry.name)):
            found.append(int(entry.name))
    return sorted(found)


def _ancestors(pid: int) -> list[int]:
    above: list[int] = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            break
        above.append(pid)
    return above


def test_a_killed_worker_costs_attempts_and_no_game_and_no_game_twice(
    tmp_path: Path, kuhn: Game, specs: dict[str, str], plan: list[Fixture]
) -> None:
    players: dict[str, Policy] = {id: scripted(name, kuhn) for id, name in specs.items()}
    with Store(tmp_path / "calm.sqlite") as store:
        played(store, plan, Local(players))

    async def disturbed(store: Store, executor: Ray) -> set[str]:
        """Play on two workers and kill one after 100 games; who played."""
        workers, count, victim = await later(executor, "before"), 0, 0
        async with aclosing(carry_out(store, plan, executor)) as outcomes:
            async for settled in outcomes:
                workers.add(settled.worker)
                count += 1
                if count == 100:
                    victim, *_ = actors()
                    os.kill(victim, signal.SIGKILL)
        assert victim
        return workers - {""}

    async def later(executor: Ray, when: str) -> set[str]:
        """Who plays once there are two: one has to start, or to take a dead one's place."""
        workers = set[str]()
        for attempt in range(40):
            with Store(tmp_path / f"{when}-{attempt}.sqlite") as store:
                async with aclosing(carry_out(store, plan[:50], executor)) as outcomes:
                    workers |= {settled.worker async for settled in outcomes}
            if len(workers) == 2:
                break
            await asyncio.sleep(1)
        return workers

    async def all_of_it(store: Store, executor: Ray) -> set[str]:
        return await disturbed(store, executor) | await later(executor, "after")

    executor = Ray(partial(scripted, game=kuhn), specs, workers=2, chunk=25)
    with executor, Store(tmp_path / "s.sqlite") as store:
        workers = asyncio.run(all_of_it(store, executor))
        rows = store.rows(kuhn)
    assert len(workers) == 3  # two, and the one that took the dead one's place
    lost = [row for row in rows if row.void]
    assert lost
    assert {row.status for row in lost} == {"void_worker"}
    with Archive(tmp_path / "s.sqlite") as store, Archive(tmp_path / "calm.sqlite") as calm:
        assert list(store.export()) == list(calm.export())


def test_a_worker_that_would_play_somebody_else_is_refused(
    tmp_path: Path, kuhn: Game, specs: dict[str, str], plan: list[Fixture]
) -> None:
    wrong = dict.fromkeys(specs, "random")
    with Store(tmp_path / "s.sqlite") as store:
        executor = Ray(partial(scripted, game=kuhn), wrong, workers=1)
        with executor, pytest.raises(RunError, match="was entered"):
            played(store, plan[:50], executor)
        assert len(store) == 0


def test_a_worker_that_cannot_start_ends_the_run_with_the_reason(
    tmp_path: Path, kuhn: Game, specs: dict[str, str], plan: list[Fixture]
) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        executor = Ray(partial(scripted, game=kuhn), specs, workers=1, games=["no-such-file.py"])
        with executor, pytest.raises(RunError, match=r"could not start: .*no-such-file"):
            played(store, plan[:50], executor)


class Deadly:
    """A policy that takes its process with it."""

    streams = False

    def __init__(self, ref: PolicyRef) -> None:
        self.ref = ref

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        os._exit(1)


def deadly(name: str, game: Game) -> Policy:
    return Deadly(scripted(name, game).ref)


def test_workers_that_keep_dying_end_the_run(
    tmp_path: Path,
    kuhn: Game,
    specs: dict[str, str],
    plan: list[Fixture],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sparring.arenas.executors.ray_pool.RESTARTS", 1)
    with Store(tmp_path / "s.sqlite") as store:
        executor = Ray(partial(deadly, game=kuhn), specs, workers=1, chunk=2)
        with executor, pytest.raises(RunError, match="workers keep dying"):
            played(store, plan[:50], executor)
        assert len(store) == 0
        assert (
            len([row for row in store.rows(kuhn) if row.void]) <= 2 * 2
        )  # of the two deaths that it bore


def test_a_control_goes_to_the_workers(tmp_path: Path, kuhn: Game, specs: dict[str, str]) -> None:
    """The A/A control plays there as it does here."""
    entrants = [scripted(name, kuhn) for name in specs.values()]

    def held(store: str, executor: Callable[[Mapping[str, Policy]], Executor]) -> list[str]:
        tournament(kuhn, entrants, tmp_path / store, pairs=4, control=True, executor=executor)
        with Archive(tmp_path / store) as archive:
            return list(archive.export())

    with Ray(partial(scripted, game=kuhn), specs, workers=1) as crew:
        assert held("ray.sqlite", lambda _: crew) == held("here.sqlite", Local)


def test_workers_play_a_game_that_only_a_file_registers(tmp_path: Path) -> None:
    file = tmp_path / "coin.py"
    file.write_text(COIN)
    load(file)
    game = find("test-ray-coin-v0")
    specs = {scripted(name, game).ref.id: name for name in ("random", "nash")}
    plan = next(Call(game, seated(game, specs), 5, "round-robin", 0, {}).rounds())
    with Store(tmp_path / "s.sqlite") as store:
        with Ray(partial(scripted, game=game), specs, workers=1, games=[str(file)]) as executor:
            assert len(played(store, plan, executor)) == 10
        assert not [row for row in store.rows(game) if row.void]
