"""A game that is cancelled costs a server nothing more: its request is aborted there."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sparring.agents.engines.child import Child
from sparring.agents.engines.hosts import open_host
from sparring.agents.language.transformer import Transformer
from sparring.agents.policy import Sampling
from sparring.arenas.match import Match
from sparring.arenas.rollouts import rollouts
from sparring.envs.registry import Game

from .conftest import needs_vllm

pytestmark = [needs_vllm, pytest.mark.timeout(900)]
GAMES = 32


def told(child: Child) -> Counter[str]:
    """What the server's own metrics count: requests that wait or run, and those that it answered."""
    with urllib.request.urlopen(child.url.removesuffix("/v1") + "/metrics") as answer:
        text = answer.read().decode()
    found: Counter[str] = Counter()
    for name in ("num_requests_running", "num_requests_waiting", "request_success_total"):
        found[name] = sum(
            int(float(n)) for n in re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE)
        )
    return found


def test_a_game_cancelled_in_flight_is_aborted_on_its_server(
    child: Child, kuhn: Game, tiny: Transformer, adapters: list[Path], hot: Sampling
) -> None:
    before = told(child)
    with open_host(child.url, "tiny", kuhn, sampling=replace(hot, max_tokens=900)) as host:
        babbler = host.adopt(adapters[0], "babbler")  # hundreds of tokens a reply
        matches = [Match(kuhn, dict.fromkeys(kuhn.seats, babbler), seed) for seed in range(GAMES)]

        async def closed_early() -> None:
            playing = rollouts(matches, deterministic=False)
            first = asyncio.ensure_future(anext(playing))
            await asyncio.to_thread(_until, child, running=True)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await playing.aclose()

        asyncio.run(closed_early())
        _until(child, running=False)
        answered = told(child)["request_success_total"] - before["request_success_total"]
    print(f"{answered} of {GAMES} requests were answered")
    assert answered < GAMES  # which all would be, if it went on with those that nobody waits for


def _until(child: Child, *, running: bool) -> None:
    """Until the server computes something, or has nothing left to do."""
    while True:
        now = told(child)
        if bool(now["num_requests_running"] + now["num_requests_waiting"]) == running:
            return
        time.sleep(0.02)
