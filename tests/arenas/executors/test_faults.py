"""What fails that is no player's fault: never rated, retried, reported by cause, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from sparring.agents.policy import ContextError, Policy, QuotaError, Request
from sparring.agents.remote import RemoteError
from sparring.agents.scripted import Random, Scripted
from sparring.arenas.costs import Price
from sparring.arenas.executors.local import Local, Order, RunError, carry_out, played
from sparring.arenas.fixture import Settled, void
from sparring.arenas.ratings.spending import spending
from sparring.arenas.results import complete
from sparring.arenas.store import Store
from sparring.arenas.store.reading import Archive
from sparring.arenas.tournament import Outcome, TournamentError, tournament
from sparring.envs.registry import Game, find, forgetting, game
from sparring.envs.script import Script, ask, verify
from sparring.envs.types import Job, PolicyRef, Reply, Verdict
from sparring.sandbox.verifier import VerifierError


class Flaky:
    """Plays like Random, except that some batches (counted from 0) raise."""

    streams = False

    def __init__(
        self, fails: range | Sequence[int], fault: Exception | None = None, seed: int = 2
    ) -> None:
        self._inner = Random(seed)
        self._fails = fails
        self._fault = fault or ConnectionError("the engine went away")
        self._batches = 0
        self.ref = self._inner.ref

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        self._batches += 1
        if self._batches - 1 in self._fails:
            raise self._fault
        return await self._inner.act(requests)


class Talker:
    """Random with made-up token counts."""

    def __init__(self) -> None:
        self._inner = Random(2)
        self.ref = self._inner.ref

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        said = await self._inner.act(requests)
        return [Reply(reply.text, tokens=(1, 2, 3), prompt_tokens=(0,) * 10) for reply in said]


def test_a_tournament_of_which_no_game_came_to_anything_says_why(
    tmp_path: Path, kuhn: Game, caplog: pytest.LogCaptureFixture
) -> None:
    """One line with the first reason, and each fault logged once, however many batches it ended."""
    gone = Flaky(range(1000), RemoteError("http://nowhere did not answer"))
    with pytest.raises(
        TournamentError, match=r"void_engine: RemoteError: http://nowhere did not answer"
    ):
        tournament(kuhn, [gone, Random(3)], tmp_path / "store.sqlite", pairs=4)
    assert [(r.getMessage(), r.exc_info) for r in caplog.records] == [
        (f"{gone.ref.name} failed: RemoteError: http://nowhere did not answer", None)
    ] * 3  # one for each of its attempts


def test_an_engine_that_stumbles_costs_attempts_and_changes_no_result(
    tmp_path: Path, kuhn: Game, games
) -> None:
    plan = games(20)
    exports = []
    for name, other in (("calm", Random(2)), ("flaky", Flaky([1, 3, 6]))):
        with Store(tmp_path / f"{name}.sqlite") as store:
            played(store, plan, Local({"random/1": Random(1), "random/2": other}, at_once=4))
            exports.append(list(store.export()))
            rows = store.rows(kuhn)
    assert exports[0] == exports[1]
    assert {row.status for row in rows if row.void} == {"void_engine"}
    assert len(complete(rows)) == 20
    with Archive(tmp_path / "flaky.sqlite") as store:
        assert [reason for _, reason, _ in store.reasons(kuhn)] == [
            "ConnectionError: the engine went away"
        ]


def test_an_engine_that_is_dead_ends_the_run_with_one_clear_error_and_what_was_played_stays(
    tmp_path: Path, kuhn: Game, games
) -> None:
    players = {"random/1": Random(1), "random/2": Flaky(range(20, 10**9))}
    with Store(tmp_path / "s.sqlite") as store:
        with pytest.raises(RunError, match=r"the engine went away.*run again to go on"):
            played(store, games(400), Local(players, at_once=4))
        kept = len(store)
        assert 0 < kept < 800
        players["random/2"] = Random(2)
        played(store, games(400), Local(players, at_once=4))
        assert len(store) == 800


class Void:
    """An executor whose orders of these places (counted from 0) come to nothing; the others are played."""

    def __init__(self, lost: Callable[[int], bool], at_once: int) -> None:
        self.at_once = at_once
        self.made = 0
        self._lost = lost
        self._local = Local({"random/1": Random(1), "random/2": Random(2)})

    async def play(self, orders: Iterable[Order]) -> AsyncGenerator[Settled]:
        for order in orders:
            self.made += 1
            if self._lost(self.made - 1):
                yield Settled(
                    order.fixture, void(order.fixture, "worker"), token=order.token, reason="gone"
                )
                continue
            async for settled in self._local.play([order]):
                yield settled


def test_games_in_flight_may_all_fail_before_a_run_is_given_up(tmp_path: Path, games) -> None:
    """A machine that goes away takes all that it was playing with it: that alone ends no run."""
    with Store(tmp_path / "s.sqlite") as store:
        executor = Void(lambda _: True, at_once=100)
        with pytest.raises(RunError, match="165 games in a row"):
            played(store, games(400), executor)
    assert executor.made == 100 + 64 + 1


def test_a_game_that_is_played_makes_the_run_patient_again(
    tmp_path: Path, kuhn: Game, games
) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        played(store, games(100), Void(lambda order: order < 200 and order % 10 > 0, at_once=1))
        assert len(store) == 200


def test_faults_are_told_apart_by_where_they_lie(tmp_path: Path, kuhn: Game, games) -> None:
    faults = {
        QuotaError("no budget"): "void_quota",
        ContextError("too long"): "void_context",
        ValueError("bug"): "void_engine",
    }
    for fault, status in faults.items():
        with Store(tmp_path / f"{status}.sqlite") as store:
            players = {"random/1": Random(1), "random/2": Flaky(range(10**9), fault)}
            outcomes = played(store, games(2), Local(players))
            assert {one.row.status for one in outcomes} == {status}
            assert len(outcomes) == 4 * 3  # three attempts each
            assert len(store) == 0


def test_a_tournament_reports_what_stayed_void_and_rates_the_rest(
    tmp_path: Path, kuhn: Game
) -> None:
    class Allergic(Flaky):
        """Cannot play on every seventh seed."""

        async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
            if any(request.key.seed % 7 == 0 for request in requests):
                raise RuntimeError("a prompt it cannot take")
            return await self._inner.act(requests)

    entrants: list[Policy] = [Random(1), Allergic(()), Random(3)]
    outcome = tournament(
        kuhn, entrants, tmp_path / "s.sqlite", pairs=20, executor=lambda p: Local(p, at_once=1)
    )
    assert set(outcome.voids) == {"void_engine"}
    with Archive(tmp_path / "s.sqlite") as store:
        rows = store.rows(kuhn)
        settled = {row.key for row in rows if not row.void}
        assert len(settled) == 120 - sum(outcome.voids.values())
        assert all(not row.void for pair in complete(rows) for row in pair.legs)


def test_a_forfeit_is_a_loss_by_its_cause_and_can_be_left_out_of_ratings(
    tmp_path: Path, kuhn: Game
) -> None:
    mute = Scripted(["I would rather not say"], "mute")
    outcome = tournament(kuhn, [Random(1), mute, Random(2)], tmp_path / "s.sqlite", pairs=10)
    last = outcome.leaderboard.standings[-1]
    assert last.entrant == mute.ref.id
    assert sum((last.forfeits or {}).values()) == 40
    with Archive(tmp_path / "s.sqlite") as store:
        rows = store.rows(kuhn)
        assert {row.status for row in rows if row.forfeited} <= {
            "forfeit_illegal",
            "forfeit_unparsable",
        }
        assert len(complete(rows, forfeits=False)) == 10  # only those without the mute


def test_stopping_early_keeps_what_has_finished(
    tmp_path: Path, games, players: dict[str, Policy]
) -> None:
    async def some(store: Store) -> int:
        taken = 0
        async with aclosing(carry_out(store, games(500), Local(players, at_once=4))) as outcomes:
            async for _ in outcomes:
                taken += 1
                if taken == 10:
                    break
        return taken

    with Store(tmp_path / "s.sqlite") as store:
        assert asyncio.run(some(store)) == 10
        assert 10 <= len(store) < 1000
        played(store, games(500), Local(players))
        assert len(store) == 1000


def test_tokens_cost_and_seconds_of_games_add_up_to_the_run(
    tmp_path: Path, kuhn: Game, games
) -> None:
    players = {"random/1": Random(1), "random/2": Talker()}
    prices = {"random/2": Price(tokens_in=3.0, tokens_out=15.0)}
    with Store(tmp_path / "s.sqlite") as store:
        played(store, games(30), Local(players, prices=prices))
        rows = store.rows(kuhn)
        stored = [store.episode(key) for key in store]
    turns = [
        (next(seat for seat, ref in game.seats.items() if ref.id == "random/2"), turn)
        for game in stored
        for turn in game.turns
    ]
    talked = sum(turn.role == seat_of for seat_of, turn in turns)
    assert sum(row.tokens_in for row in rows) == 10 * talked
    assert sum(row.cost for row in rows) == pytest.approx(talked * (10 * 3 + 3 * 15) / 1e6)
    assert all(row.seconds > 0 for row in rows)
    account = spending(rows)
    assert (account["random/1"].tokens, account["random/1"].cost) == (0, 0.0)
    assert account["random/2"].tokens == sum(row.tokens for row in rows)
    assert account["random/2"].cost == pytest.approx(sum(row.cost for row in rows))
    assert account["random/1"].seconds > 0


def test_an_entrant_without_an_id_cannot_take_part(tmp_path: Path, kuhn: Game) -> None:
    nameless = Scripted(["bet"], "x")
    nameless.ref = PolicyRef("x", "")
    with pytest.raises(ValueError, match="has no id"):
        tournament(kuhn, [Random(1), nameless], tmp_path / "s.sqlite")
    assert not (tmp_path / "s.sqlite").exists()


class Dying:
    """A verifier whose sandbox goes away after so many batches: it says so, or raises."""

    name = "dying"

    def __init__(self, batches: float, fault: VerifierError | None = None) -> None:
        self._left = batches
        self._fault = fault

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        self._left -= 1
        if self._left >= 0:
            return [Verdict("ok") for _ in jobs]
        if self._fault:
            raise self._fault
        return [Verdict("infra", detail="the sandbox is gone") for _ in jobs]

    async def close(self) -> None:
        pass


@pytest.fixture
def checked() -> Iterator[Game]:
    """A game that runs code before it pays."""
    with forgetting():

        @game(
            "checked-v0",
            roles={"a": 1, "b": 1},
            max_turns=2,
            payoff_range=(-1, 1),
            sum="zero",
            score="win",
        )
        def checked() -> Script:
            mine = yield from ask("a", "?", choices=("x", "y"))
            other = yield from ask("b", "?", choices=("x", "y"))
            (verdict,) = yield from verify(Job("1"))
            won = 1.0 if verdict.status == "ok" and mine == other else -1.0
            return {"a": won, "b": -won}

        yield find("checked-v0")


@pytest.mark.parametrize(
    ("fault", "error"), [(None, RunError), (VerifierError("the daemon is gone"), VerifierError)]
)
def test_a_verifier_that_dies_ends_the_run_with_one_clear_error_and_what_was_played_stays(
    tmp_path: Path, checked: Game, fault: VerifierError | None, error: type[Exception]
) -> None:
    path, entrants = tmp_path / "s.sqlite", [Random(1), Random(2)]

    def hold(verifier: Dying, pairs: int = 100) -> Outcome:
        return tournament(
            checked,
            entrants,
            path,
            pairs=pairs,
            executor=lambda p: Local(p, verifier=verifier, at_once=4),
        )

    with pytest.raises(error, match="is gone"):
        hold(Dying(10, fault))
    with Archive(path) as store:
        kept = list(store.export())
        assert 0 < len(kept) < 200
        rows = store.rows(checked)
        assert {row.status for row in rows if row.void} <= {"void_env"}
        assert all(not row.void for pair in complete(rows) for row in pair.legs)
    outcome = hold(Dying(float("inf")))
    assert [line.pairs for line in outcome.leaderboard.standings] == [100, 100]
    with Archive(path) as store:
        assert set(kept) <= set(store.export())
