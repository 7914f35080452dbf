"""A server that is killed in the middle of 200 games: games resume, or end as void with a reason."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from sparring.agents.engines.child import Child
from sparring.agents.engines.hosts import open_host
from sparring.agents.engines.wide_heads import widened
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.weights import find_model
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all, rollouts
from sparring.envs.registry import Game
from sparring.envs.types import Episode
from sparring.training.config import Credits
from sparring.training.data.collect import collect

from .conftest import needs_vllm

pytestmark = [needs_vllm, pytest.mark.timeout(1500)]
GAMES = 200


async def _played(matches: list[Match], after: int, strike: threading.Event) -> list[Episode]:
    """All games; `strike` is set when `after` of them are over."""
    done: dict[int, Episode] = {}
    async for index, episode in rollouts(matches, at_once=40, deterministic=False):
        done[index] = episode
        if len(done) == after:
            strike.set()
    return [done[index] for index in range(len(matches))]


def test_games_resume_when_the_server_is_back_and_end_void_when_it_is_not(
    kuhn: Game, tiny: Transformer, adapters: list[Path]
) -> None:
    folder = widened(find_model("tiny", kuhn))
    children = [Child(folder, dtype="float32")]
    try:
        with open_host(children[0].url, "tiny", kuhn, sampling=tiny.sampling) as host:
            learner = host.adopt(adapters[0], "learner")
            other = host.adopt(adapters[1], "other")
            seats = {"first": learner, "second": other}
            matches = [Match(kuhn, seats, seed) for seed in range(GAMES)]
            calm = asyncio.run(play_all(matches, at_once=40))
            assert {episode.ending.kind for episode in calm} <= {"outcome", "forfeit"}

            strike = threading.Event()

            def kill_and_restart() -> None:
                strike.wait()
                children[0].kill()
                children.append(Child(folder, dtype="float32", port=children[0].port))

            killer = threading.Thread(target=kill_and_restart)
            killer.start()
            host.engine.patience = 900.0  # type: ignore[attr-defined]
            episodes = asyncio.run(_played(matches, 50, strike))
            killer.join()
            repeated = host.engine.repeated  # type: ignore[attr-defined]
            assert repeated > 0
            same = sum(
                [turn.reply.tokens for turn in one.turns]
                == [turn.reply.tokens for turn in two.turns]
                for one, two in zip(episodes, calm, strict=True)
            )
            assert {episode.ending.kind for episode in episodes} <= {"outcome", "forfeit"}
            assert same >= GAMES - 2  # rounding of another batch may flip a token

            strike.clear()
            host.engine.patience = 2.0  # type: ignore[attr-defined]
            killer = threading.Thread(target=lambda: (strike.wait(), children[-1].kill()))
            killer.start()
            began = time.monotonic()
            episodes = asyncio.run(_played(matches, 50, strike))
            killer.join()
            kinds = Counter(episode.ending.kind for episode in episodes)
            void = [episode for episode in episodes if episode.ending.kind == "error"]
            assert kinds["outcome"] + kinds["forfeit"] >= 50
            assert kinds["error"] >= 50
            assert all("no server answered for 2 s" in episode.ending.reason for episode in void)
            assert all(episode.ending.source == "engine" and not episode.payoff for episode in void)
            found = collect(enumerate(episodes), Credits(), learner="learner", role_of=kuhn.role_of)
            trained = {sample.attempt.episode for sample in found}
            assert trained
            assert not trained & {i for i, e in enumerate(episodes) if e.ending.kind == "error"}
            print(
                f"{repeated} requests asked again, {same} of {GAMES} games as without the kill; then "
                f"{dict(kinds)} in {time.monotonic() - began:.0f} s"
            )
    finally:
        for child in children:
            child.close()
