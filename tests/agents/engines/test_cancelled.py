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
from sparring.agents.hosts import open_host
from sparring.agents.policy import Sampling
from sparring.agents.spawn import Child
from sparring.agents.transformer import Transformer
from sparring.arenas.match import Match
from sparring.arenas.rollouts import rollouts
from sparring.envs.registry import Game

from .conftest import needs_vllm

pytestmark = [needs_vllm, pytest.mark.timeout(900)]
GAMES = 32


def told(child: Child) -> Counter[str]:
    """What the server's own metrics count: requests running, and those that ended, by how."""
    with urllib.request.urlopen(child.url.removesuffix("/v1") + "/metrics") as answer:
        text = answer.read().decode()
    found = Counter(running=sum(map(float, re.findall(r"^vllm:num_requests_running\S* (\S+)", text, re.M))))
    for how, count in re.findall(r'^vllm:request_success_total\S*reason="(\w+)"\S* (\S+)', text, re.M):
        found[how] += int(float(count))
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
        ended = told(child) - before
    print(dict(ended))
    assert ended["abort"] >= 1
    assert ended["abort"] + ended["stop"] + ended["length"] >= GAMES


def _until(child: Child, *, running: bool) -> None:
    """Until the server computes something, or nothing any more."""
    while (told(child)["running"] > 0) != running:
        time.sleep(0.02)
