"""Requests that join and leave one batch get the replies that they would get alone."""

from __future__ import annotations

import queue
import threading
import time

import pytest
from sparring.agents.language.continuous import Continuous, Draft, Step
from sparring.agents.language.transformer import Transformer
from sparring.agents.policy import Key, Request, Sampling
from sparring.envs.exact import tree
from sparring.envs.registry import Game


def requests(game: Game, copies: int = 3) -> list[Request]:
    return [
        Request(info.seat, info.role, info.messages, None, Key(n, copy, info.seat, 0))
        for n, info in enumerate(tree(game).infosets)
        for copy in range(copies)
    ]


class Reply:
    """Collects what a draft hears."""

    def __init__(self) -> None:
        self.steps: queue.Queue[Step | Exception] = queue.Queue()

    def all(self) -> list[Step]:
        found: list[Step] = []
        while not (found and found[-1].last):
            heard = self.steps.get(timeout=60)
            if isinstance(heard, Exception):
                raise heard
            found.append(heard)
        return found


def draft(policy: Transformer, request: Request, sampling: Sampling, **more) -> tuple[Draft, Reply]:
    reply = Reply()
    (prompt,) = policy.prompts([request])
    stops = policy.dialect.stops
    return Draft(prompt, request.key, sampling, stops, reply.steps.put, **more), reply


@pytest.mark.parametrize(
    "sampling", [Sampling(max_tokens=8), Sampling(0.7, 0.9, 5), Sampling(0, 1, 8)]
)
def test_replies_are_those_of_act_whatever_shares_the_batch(
    tiny: Transformer, kuhn: Game, sampling: Sampling
) -> None:
    asked = requests(kuhn)
    expected = tiny.with_sampling(sampling).reply(asked)
    with Continuous(tiny, rows=7) as batch:
        replies = []
        for number, request in enumerate(asked):
            one, reply = draft(tiny, request, sampling)
            batch.submit(one)
            replies.append(reply)
            # some come while others are half drawn
            if number % 5 == 0:
                time.sleep(0.002)
        for reply, want in zip(replies, expected, strict=True):
            steps = reply.all()
            assert tuple(step.token for step in steps) == want.tokens
            assert [step.logprob for step in steps] == pytest.approx(want.logprobs, abs=1e-4)


def test_raw_logprobs_are_the_models_own_and_the_likeliest_are_told(
    tiny: Transformer, kuhn: Game, plain_logprobs
) -> None:
    request, sampling = requests(kuhn)[0], Sampling(0.5, 0.8, 8)
    (want,) = tiny.with_sampling(sampling).reply([request])
    with Continuous(tiny) as batch:
        one, reply = draft(tiny, request, sampling, likeliest=4)
        batch.submit(one)
        steps = reply.all()
    plain = plain_logprobs(tiny, want, Sampling())
    assert [step.raw for step in steps] == pytest.approx(plain, abs=1e-4)
    for step in steps:
        assert len(step.likeliest) == 4
        assert step.raw <= step.likeliest[0][1] + 1e-6


def test_long_and_short_prompts_of_different_ages_share_a_batch(
    tiny: Transformer, kuhn: Game
) -> None:
    """Rows are padded on the left when they join, and the padding is cut off when long rows end."""
    asked = sorted(requests(kuhn, 1), key=lambda r: len(r.messages))
    long = Sampling(max_tokens=40)
    expected = tiny.with_sampling(long).reply(asked)
    stops = frozenset[int]()  # nothing ends a reply but its limit
    with Continuous(tiny, rows=3) as batch:
        replies = []
        for number, request in enumerate(asked):
            reply = Reply()
            (prompt,) = tiny.prompts([request])
            limit = Sampling(max_tokens=3 + 7 * (number % 4))
            batch.submit(Draft(prompt, request.key, limit, stops, reply.steps.put))
            replies.append((reply, limit.max_tokens))
        for (reply, limit), want in zip(replies, expected, strict=True):
            tokens = [step.token for step in reply.all()]
            assert len(tokens) == limit
            size = min(limit, len(want.tokens))
            assert tuple(tokens[:size]) == want.tokens[:size]


def test_a_cancelled_draft_leaves_and_others_go_on(tiny: Transformer, kuhn: Game) -> None:
    endless = Sampling(max_tokens=900)
    request = requests(kuhn)[0]
    with Continuous(tiny, rows=1) as batch:
        first, heard = Reply(), threading.Event()
        (prompt,) = tiny.prompts([request])

        def listen(step: Step | Exception) -> None:
            first.steps.put(step)
            heard.set()

        one = Draft(prompt, request.key, endless, frozenset(), listen)
        other, reply = draft(tiny, request, Sampling(max_tokens=8))
        batch.submit(one)
        batch.submit(other)
        assert heard.wait(60)
        one.cancel()
        assert reply.all()[-1].last
    assert first.steps.qsize() < 900


def test_a_fault_of_the_model_ends_the_replies_in_progress_and_no_others(
    tiny: Transformer, kuhn: Game
) -> None:
    sampling = Sampling(max_tokens=8)
    request = requests(kuhn)[0]
    with Continuous(tiny) as batch:
        broken = Reply()
        vocabulary = tiny.model.config.vocab_size
        batch.submit(Draft((vocabulary + 5,), request.key, sampling, frozenset(), broken.steps.put))
        with pytest.raises(IndexError):
            broken.all()
        one, reply = draft(tiny, request, sampling)
        batch.submit(one)
        assert reply.all()


def test_closing_tells_those_who_wait(tiny: Transformer, kuhn: Game) -> None:
    request = requests(kuhn)[0]
    (prompt,) = tiny.prompts([request])
    replies = [Reply() for _ in range(3)]
    batch = Continuous(tiny, rows=1)
    for reply in replies:
        batch.submit(
            Draft(prompt, request.key, Sampling(max_tokens=900), frozenset(), reply.steps.put)
        )
    batch.close()
    with pytest.raises(RuntimeError, match="closing"):
        replies[-1].all()
