"""Callers are served in turn, so that a short call does not wait for the long ones before it."""

import asyncio
import threading
from collections.abc import Sequence

from sparring.envs.types import Job, Limits, Verdict
from sparring.sandbox.local import LocalConnection
from sparring.sandbox.pool.pool import Pool
from sparring.sandbox.pool.ticket import Batch, Ticket
from sparring.sandbox.pool.turns import Turns
from sparring.sandbox.pool.verifier import Pooled
from sparring.sandbox.request import Run

from .processes import until


def tickets(count: int, caller: object = None) -> list[Ticket]:
    batch = Batch(count, caller)
    return [Ticket(Run(Job("pass")), batch, i) for i in range(count)]


def served(turns: Turns) -> list[Ticket]:
    return [turns.pop() for _ in range(len(turns))]


def filled(*batches: Sequence[Ticket]) -> Turns:
    turns = Turns()
    for batch in batches:
        for ticket in batch:
            turns.add(ticket)
    return turns


def test_callers_take_turns_and_each_keeps_its_order() -> None:
    long, short = tickets(4), tickets(2)
    assert served(filled(long, short)) == [long[0], short[0], long[1], short[1], *long[2:]]


def test_many_batches_of_one_caller_have_the_turns_of_one() -> None:
    me = object()
    mine, other = [*tickets(1, me), *tickets(1, me), *tickets(1, me)], tickets(2)
    assert served(filled(mine, other)) == [mine[0], other[0], mine[1], other[1], mine[2]]


def test_what_is_put_back_goes_first_and_costs_no_turn() -> None:
    long, short = tickets(2), tickets(1)
    turns = filled(long, short)
    first = turns.pop()
    turns.put_back(first)
    assert turns.head() is first
    assert served(turns) == [long[0], short[0], long[1]]


def test_a_caller_that_comes_again_waits_for_the_others_once() -> None:
    long, short, again = tickets(3), tickets(1), tickets(1)
    turns = filled(long, short)
    assert [turns.pop(), turns.pop()] == [long[0], short[0]]
    turns.add(again[0])
    assert served(turns) == [long[1], again[0], long[2]]


def test_a_single_call_passes_a_batch_of_hundreds() -> None:
    pool = Pooled("turns", Pool(lambda: LocalConnection("seccomp"), 1))
    slow = [Job(f"__import__('time').sleep(0.02)  # {i}", limits=Limits(30.0)) for i in range(200)]
    done: list[Sequence[Verdict]] = []
    long = threading.Thread(target=lambda: done.append(pool.run(slow)))
    long.start()
    assert until(lambda: pool.counters().runs > 0)
    assert pool.run([Job("pass", limits=Limits(30.0))])[0].status == "ok"
    assert pool.counters().runs < 100, "it had to wait for most of the batch"
    long.join()
    assert {verdict.status for verdict in done[0]} == {"ok"}
    pool.shut()


def test_a_stream_of_many_is_one_caller() -> None:
    pool = Pooled("turns", Pool(lambda: LocalConnection("seccomp"), 1))
    slow = [Job(f"__import__('time').sleep(0.02)  # {i}", limits=Limits(30.0)) for i in range(100)]

    async def both() -> int:
        async def streamed() -> int:
            return len([index async for index, _ in pool.stream(slow)])

        stream = asyncio.create_task(streamed())
        await asyncio.sleep(0.05)
        await pool.verify([Job(f"pass  # {i}", limits=Limits(30.0)) for i in range(20)])
        done = pool.counters().runs
        assert await stream == 100
        return done

    assert asyncio.run(both()) < 100, "each job of the stream had a turn before the batch's next"
    pool.shut()
