"""Rules of playing one game and many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing

import pytest
from sparring.agents.policy import Request, Response
from sparring.arenas.match import Match, SeatingError, play
from sparring.arenas.rollouts import Allowance, play_all, rollouts
from sparring.envs.registry import Game, find, game
from sparring.envs.script import Script, ask, randomness, verify
from sparring.envs.types import Episode, Job, PolicyRef, Reply, Verdict

KUHN = find("kuhn-poker-v0")


class Keyed:
    """Picks a choice by the request's key alone; counts batches."""

    streams = False

    def __init__(self, delay: float = 0.0) -> None:
        self.ref = PolicyRef("keyed")
        self.batches: list[int] = []
        self.delay = delay

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        self.batches.append(len(requests))
        if self.delay:
            await asyncio.sleep(self.delay)
        return [Reply((r.choices or ("",))[(r.key.seed + r.key.ask) % 2]) for r in requests]


class Broken(Keyed):
    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        raise OSError("engine died")


def _matches(n: int, policy: Keyed, other: Keyed | None = None) -> list[Match]:
    return [Match(KUHN, {"first": policy, "second": other or policy}, seed) for seed in range(n)]


def test_many_at_once_equal_one_by_one() -> None:
    alone = [asyncio.run(play(m)) for m in _matches(30, Keyed())]
    for at_once in (1, 4, 16, 64):
        for deterministic in (True, False):
            policy = Keyed(delay=0.0 if deterministic else 0.001)
            together = asyncio.run(
                play_all(_matches(30, policy), at_once=at_once, deterministic=deterministic)
            )
            assert together == alone


def test_requests_of_all_games_are_one_batch() -> None:
    policy = Keyed()
    asyncio.run(play_all(_matches(20, policy), at_once=20))
    assert policy.batches[0] == 20


def test_a_policy_that_raises_ends_its_games_as_errors_and_no_other() -> None:
    good, broken = Keyed(), Broken()
    matches = _matches(3, good) + _matches(3, good, broken)
    episodes = asyncio.run(play_all(matches))
    assert [e.ending.kind for e in episodes] == ["outcome"] * 3 + ["error"] * 3
    assert "engine died" in episodes[3].ending.reason
    assert episodes[3].payoff == {}
    assert asyncio.run(play(matches[3])).ending.kind == "error"


class Refusing(Keyed):
    """Cannot answer one game; the fault stands in its answer's place."""

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        said = await super().act(requests)
        return [
            ValueError("too long") if r.key.seed == 2 else a
            for r, a in zip(requests, said, strict=True)
        ]


def test_a_request_that_cannot_be_answered_ends_its_own_game_and_no_other() -> None:
    matches = _matches(5, Refusing())
    episodes = asyncio.run(play_all(matches))
    assert [e.ending.kind for e in episodes] == ["outcome"] * 2 + ["error"] + ["outcome"] * 2
    assert "too long" in episodes[2].ending.reason
    assert episodes[2].payoff == {}
    assert [asyncio.run(play(match)) for match in matches] == episodes


def test_a_wrong_seating_names_the_seats() -> None:
    with pytest.raises(SeatingError, match="first, second; policies came for first"):
        asyncio.run(play(Match(KUHN, {"first": Keyed()}, 0)))


def test_stopping_early_leaves_nothing_running() -> None:
    async def first_only() -> int:
        stream = rollouts(_matches(50, Keyed(delay=0.01)), at_once=5, deterministic=False)
        index, _ = await anext(stream)
        await stream.aclose()
        assert len(asyncio.all_tasks()) == 1
        return index

    assert asyncio.run(first_only()) < 5


@game(
    "test-rollouts-count-v0", roles={"solo": 1}, max_turns=60, payoff_range=(0, 1), score="payoff"
)
def counting() -> Script:
    """Asks forty times in one game of twenty, once in the others."""
    rng = yield from randomness()
    turns = 40 if rng.random() < 0.05 else 1
    for number in range(turns):
        yield from ask("solo", f"{number}", choices=("x",))
    return {"solo": 1.0}


@game(
    "test-rollouts-verdicts-v0", roles={"solo": 1}, max_turns=3, payoff_range=(0, 1), score="payoff"
)
def judged() -> Script:
    """A verdict between two moves, in every second game."""
    rng = yield from randomness()
    yield from ask("solo", "first", choices=("x",))
    if rng.random() < 0.5:
        yield from verify(Job("pass"))
    yield from ask("solo", "second", choices=("x",))
    return {"solo": 1.0}


COUNT, JUDGED = find("test-rollouts-count-v0"), find("test-rollouts-verdicts-v0")


class Worded(Keyed):
    """Says three tokens a turn."""

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        self.batches.append(len(requests))
        await asyncio.sleep(0)
        return [Reply("x", tokens=(1, 2, 3), logprobs=(0.0,) * 3) for _ in requests]


class Patient:
    """A verifier that is done only when `enough()` holds, or when nothing else happens any more."""

    name = "patient"

    def __init__(self, enough: Callable[[], bool]) -> None:
        self.enough = enough
        self.starved = False

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        for _ in range(2000):
            if self.enough():
                break
            await asyncio.sleep(0)
        else:
            self.starved = True
        return [Verdict("ok") for _ in jobs]


def _solo(game: Game, n: int, policy: Keyed) -> list[Match]:
    return [Match(game, {"solo": policy}, seed) for seed in range(n)]


def test_a_slow_verifier_does_not_idle_the_policy() -> None:
    matches = _solo(JUDGED, 60, policy := Worded())
    plain = asyncio.run(play_all(matches, verifier=Patient(lambda: True)))
    free = sum(1 if episode.verdicts else 2 for episode in plain)
    assert 60 < free < 120
    policy.batches.clear()
    patient = Patient(
        lambda: sum(policy.batches) == free
    )  # all moves that need no verdict before them
    assert asyncio.run(play_all(matches, verifier=patient, deterministic=False)) == plain
    assert not patient.starved


def test_requests_are_cut_into_fixed_batches_whatever_the_timing() -> None:
    layouts: list[list[int]] = []
    for delay in (0.0, 0.001):
        policy = Keyed(delay)
        asyncio.run(play_all(_matches(20, policy), at_once=20, batch=8))
        layouts.append(policy.batches)
    assert layouts[0] == layouts[1]
    assert layouts[0][:3] == [8, 8, 4]


def test_short_games_do_not_crowd_out_long_ones() -> None:
    """Whoever stops early has what began early: the oldest game is never far behind the newest."""

    async def until(count: int) -> tuple[list[int], list[int]]:
        policy = Worded()
        order: list[int] = []
        stream = rollouts(
            _solo(COUNT, 400, policy), at_once=16, batch=4, deterministic=False, ahead=32
        )
        async with aclosing(stream):
            async for index, _ in stream:
                order.append(index)
                if len(order) == count:
                    break
        return order, policy.batches

    order, batches = asyncio.run(until(150))
    assert set(range(max(order) - 32)) <= set(order)
    assert max(batches) == 4
    whole = asyncio.run(play_all(_solo(COUNT, 100, Worded()), at_once=16, deterministic=False))
    assert any(len(episode.turns) == 40 for episode in whole)


def test_matches_are_drawn_only_as_episodes_are_taken() -> None:
    drawn: list[int] = []

    def source() -> Iterator[Match]:
        for index, match in enumerate(_solo(COUNT, 100, Worded())):
            drawn.append(index)
            yield match

    async def slowly() -> None:
        taken = 0
        stream = rollouts(source(), at_once=5, deterministic=False)
        async with aclosing(stream):
            async for _ in stream:
                taken += 1
                for _ in range(20):
                    await asyncio.sleep(0)
                assert len(drawn) <= taken + 5

    asyncio.run(slowly())


def test_a_game_beyond_its_tokens_is_truncated_and_paid_as_declared() -> None:
    episodes = asyncio.run(play_all(_solo(COUNT, 40, Worded()), allowance=Allowance(tokens=10)))
    kinds = {len(e.turns): e.ending.kind for e in episodes}
    assert kinds == {1: "outcome", 4: "truncated"}
    assert all(e.payoff == dict(COUNT.truncation) for e in episodes if e.ending.kind == "truncated")
    assert "12 tokens said; 10 are allowed" in {e.ending.reason for e in episodes}


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_game_out_of_time_is_cancelled_and_the_others_go_on(deterministic: bool) -> None:
    class Hangs:
        name = "hangs"

        async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
            await asyncio.Event().wait()
            raise AssertionError

    async def played() -> list[Episode]:
        options = {
            "verifier": Hangs(),
            "allowance": Allowance(seconds=0.05),
            "deterministic": deterministic,
        }
        done = await play_all(_solo(JUDGED, 20, Worded()), **options)
        assert len(asyncio.all_tasks()) == 1
        return done

    episodes = asyncio.run(played())
    late = [e for e in episodes if e.ending.kind == "error"]
    assert late
    assert {(e.ending.source, e.payoff == {}) for e in late} == {("cancelled", True)}
    assert {len(e.turns) for e in late} == {1}
    if not deterministic:
        assert {len(e.turns) for e in episodes if e.ending.kind == "outcome"} == {2}


def test_seats_that_move_together_are_asked_together() -> None:
    game = find("rock-paper-scissors-v0")
    policy = Keyed()
    asyncio.run(play(Match(game, dict.fromkeys(game.seats, policy), 0)))
    assert policy.batches == [2]
    one, other = Keyed(), Keyed()
    asyncio.run(
        play_all([Match(game, {"player_0": one, "player_1": other}, seed) for seed in range(4)])
    )
    assert (one.batches, other.batches) == ([4], [4])


def test_a_policy_that_streams_is_asked_by_each_game_for_itself() -> None:
    """And its games go on one by one: the slowest reply holds up its own game only."""

    class Server(Keyed):
        streams = True

        async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
            for _ in range(requests[0].key.seed % 5):
                await asyncio.sleep(0)
            return await super().act(requests)

    server = Server()
    together = asyncio.run(play_all(_matches(30, server), at_once=8, deterministic=False))
    assert set(server.batches) == {1}
    assert together == asyncio.run(play_all(_matches(30, Keyed())))
    server.batches.clear()
    asyncio.run(play_all(_matches(30, server), at_once=8))
    assert max(server.batches) == 8
