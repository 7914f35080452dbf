"""A driver for one game whose players are texts or functions, and a verifier of fixed programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import pytest
from sparring.envs.parse import Illegal
from sparring.envs.registry import find
from sparring.envs.table import Buffer, Table
from sparring.envs.tasks.gate import elsewhere
from sparring.envs.types import Ask, Job, Reply, Result, Status, Value, Verdict
from sparring.envs.values import check

Player = str | Callable[[Ask], str] | Iterable[str]


class Known:
    """Executes programs that a test has declared safe; every other source is an error."""

    def __init__(self, *sources: str) -> None:
        self.safe = {form: source for source in sources for form in (source, elsewhere(source))}
        self.jobs: list[Job] = []

    def __call__(self, jobs: Sequence[Job]) -> list[Verdict]:
        self.jobs.extend(jobs)
        return [self._verdict(job) for job in jobs]

    def _verdict(self, job: Job) -> Verdict:
        if job.source not in self.safe:
            return Verdict("error", detail="not among the safe programs")
        names: dict[str, object] = {}
        exec(self.safe[job.source], names)
        results = tuple(self._result(names[job.entry or "f"], given) for given in job.inputs)
        wrong: list[Status] = [result.status for result in results if result.status != "ok"]
        return Verdict(wrong[0] if wrong else "ok", results)

    @staticmethod
    def _result(function: object, given: tuple[Value, ...]) -> Result:
        try:
            return Result("ok", check(function(*given)))  # type: ignore[operator]
        except Illegal:
            return Result("invalid")
        except Exception:
            return Result("error")


def play(
    id: str,
    players: Mapping[str, Player],
    verify: Callable[[Sequence[Job]], Sequence[Verdict]] | None = None,
    seed: int = 0,
    buffer: Buffer | None = None,
    **parameters: Value,
) -> Table:
    """Drive a game to its end; players are named by seat or role."""
    game = find(id, **parameters)
    table = Table(game, seed, buffer=buffer)
    given = {seat: players.get(seat, players.get(role, "")) for seat, role in game.role_of.items()}
    lines = {seat: p if isinstance(p, str) or callable(p) else iter(p) for seat, p in given.items()}

    def reply(ask: Ask) -> Reply:
        player = lines[ask.seat]
        if isinstance(player, str):
            return Reply(player)
        return Reply(player(ask) if callable(player) else next(player))

    while table.ending is None:
        if table.asks:
            table.answer([reply(ask) for ask in table.asks])
        else:
            assert verify is not None, "the game runs code; give a verifier"
            table.answer(verify(table.jobs))
    if table.fault:
        raise table.fault
    return table


@pytest.fixture(name="play")
def play_fixture() -> Callable[..., Table]:
    return play


@pytest.fixture(name="known")
def known_fixture() -> type[Known]:
    return Known
