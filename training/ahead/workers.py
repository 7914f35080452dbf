"""Workers on a Ray cluster that play: each plays whole games, a part of a step's at a time.

A worker has all that plays: a copy of the model (or an engine of vLLM), opponents, judges and a verifier. The
parts of a step depend on the settings alone, so a run in which workers die has the games of one in which none
did, to the bit.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from ...agents.engines.available import on_gpu
from ...envs.types import Episode
from ..config import Config, ConfigError
from ..pickled import packed
from .orders import Order, Played, Setting

if TYPE_CHECKING:
    from ...arenas.executors.ray_crew import Crew

PART = 64
"""The most games of a step that a worker plays at a time."""


class Workers:
    """Play what they are ordered. `say` tells a person when one died.

    Raises ConfigError where Ray is not installed, and ClusterError where it does not start.
    """

    def __init__(self, setting: Setting, say: Callable[[str], None]) -> None:
        rollout = setting.config.rollout
        self._crew = _crew(setting)
        self._say = say
        self._told = 0

        places = rollout.games // rollout.replicates
        # Replicates stay together: they share their prompts.
        most = max(1, min(PART // rollout.replicates, ceil(places / rollout.workers)))
        self._parts = ceil(places / most)
        self._over: dict[int, dict[int, Played]] = {}

    def order(self, order: Order) -> None:
        """Have the games of a step played."""
        self._over[order.number] = {}
        self._crew.order(order.number, packed(replace(order, parts=self._parts)), self._parts)

    def next(self) -> Played:
        """Wait for the games of a step that is over. Raises what a worker met, and RunError."""
        while True:
            number, part, result = self._crew.next()
            if self._crew.deaths > self._told:
                self._told = self._crew.deaths
                self._say(f"a worker died ({self._told} so far); what it played is played again")
            played: Played = pickle.loads(result)
            if played.fault:
                raise played.fault

            parts = self._over[number]
            parts[part] = played
            if len(parts) == self._parts:
                del self._over[number]
                return _whole([parts[each] for each in range(self._parts)])

    def close(self) -> None:
        """Let the workers go; safe to call twice."""
        self._crew.close()


def _crew(setting: Setting) -> Crew:
    try:
        # Ray is an extra: only runs with workers import it.
        from ...arenas.executors.ray_crew import Crew
    except ImportError as fault:
        raise ConfigError(
            f"rollout.workers needs Ray ({fault}); pip install 'sparring[ray]', or set it to 0"
        ) from fault

    # An actor for each engine; Ray places them where there is a GPU or a core to spare.
    rollout = setting.config.rollout
    alone = _alone(setting.config)
    return Crew(
        partial(playing, replace(setting, config=alone), os.getcwd()),
        workers=rollout.workers,
        resources={"num_gpus": 1} if on_gpu() else {"num_cpus": 1},
        address=rollout.cluster or None,
    )


def _alone(config: Config) -> Config:
    """The settings of one worker, which has no workers of its own."""
    return replace(config, rollout=replace(config.rollout, workers=0, cluster="", ahead=0))


def playing(setting: Setting, here: str) -> Callable[[bytes, int], bytes]:
    """What plays parts of orders in the process that calls, a worker's; it ends with that process.

    `here` is the folder that relative paths of the settings begin at.
    """
    from .player import opened

    if Path(here).is_dir():
        os.chdir(here)
        sys.path.insert(0, here)
    stack = ExitStack()
    player = stack.enter_context(opened(setting))

    def play(words: bytes, part: int) -> bytes:
        _ = stack
        return packed(player.play(pickle.loads(words), part))

    return play


def _whole(parts: Sequence[Played]) -> Played:
    """The parts of a step as one; seconds are those of all workers together."""
    episodes: list[Episode] = []
    seconds: dict[str, float] = {}
    said: list[str] = []
    for part in parts:
        episodes += part.episodes
        said += part.said
        for name, spent in part.seconds.items():
            seconds[name] = seconds.get(name, 0.0) + spent
    return Played(parts[0].number, episodes, seconds, list(dict.fromkeys(said)))
