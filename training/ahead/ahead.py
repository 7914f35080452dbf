"""Games that are played by other processes, those of the next steps while this one is trained on.

A process on this machine plays them, or with `rollout.workers` the workers of a Ray cluster. With
`rollout.ahead = k` the games of step s are played by the weights of step s − k (the first k steps by the
first weights): they are issued when step s − k begins, and taken when step s does. So

- whole steps are trained on, in the order in which they were issued: none is chosen for being over early;
- every game ends on the weights that it began with, and all of a step have the same ones;
- nothing depends on timing: a run repeats, and one that is resumed goes on as if it had never stopped, since
  a checkpoint holds the games that were played ahead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from safetensors.torch import save

from ...agents.policy import Policy, Renamed
from ...arenas.transcript import read, write
from ...envs.types import Episode
from ..config import Config
from ..players.absent import ITSELF, Absent, Known, Named
from ..players.learner import trained
from ..selfplay import SelfPlay
from .orders import Order, Played, Seated, Setting
from .process import Process
from .workers import Workers


class Players(Protocol):
    """Whoever plays, in other processes."""

    def order(self, order: Order) -> None:
        """Have the games of a step played."""
        ...

    def next(self) -> Played:
        """Wait for the games of a step that is over."""
        ...

    def close(self) -> None:
        """Let them go; safe to call twice."""
        ...


class Ahead:
    """Has the games of `config.rollout.ahead` steps played before they are asked for.

    Call `serve` with the run's SelfPlay before the first step. Players start at once. `say` tells a person.
    When a player dies, another plays what it had not.
    """

    def __init__(self, config: Config, folder: Path, say: Callable[[str], None]) -> None:
        self._config = config
        # Steps count optimiser steps, and games are played for the first of the iterations.
        self._stride = config.update.iterations
        self._say = say

        # By step: what is not over, and what is but was not asked for.
        self._issued: set[int] = set()
        self._over: dict[int, list[Episode]] = {}
        self._versions: dict[int, int] = {}
        self._measured: dict[str, float] = {}
        self._play: SelfPlay | None = None
        kind = Workers if config.rollout.workers else Process
        self._players: Players = kind(Setting(config, folder.absolute()), say)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serve(self, play: SelfPlay) -> None:
        """Play for this learner."""
        self._play = play

    def played(self, number: int) -> list[Episode]:
        """The games of step `number`; those of the steps after it are issued first."""
        last = min(number + self._config.rollout.ahead * self._stride, self._config.steps - 1)
        following = max([number - self._stride, *self._versions]) + self._stride
        for each in range(following, last + 1, self._stride):
            self._issue(each, number)

        began = time.perf_counter()
        while number not in self._over:
            self._take()
        self._measured["wait_seconds"] = time.perf_counter() - began
        self._measured["age"] = number - self._versions[number]
        # What is asked for next is all that is still known.
        for each in [each for each in self._versions if each < number]:
            del self._versions[each]
        return self._over.pop(number)

    def version(self, number: int) -> int:
        """The step whose weights played the games of step `number`, which were asked for last."""
        return self._versions[number]

    def measured(self) -> Mapping[str, float]:
        """How long was waited, the player's seconds, and how many steps old its weights were."""
        return self._measured

    def state(self) -> dict[str, Any]:
        """The games that were played ahead, as transcripts; waits for those that are not over."""
        while self._issued:
            self._take()
        return {
            # After a step back the games must be others.
            "rollbacks": self._config.rollbacks,
            "steps": [
                {
                    "number": number,
                    "version": self._versions[number],
                    "episodes": [write(episode, tokens=True) for episode in episodes],
                }
                for number, episodes in self._over.items()
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the games that a checkpoint has, unless the run went back."""
        if state["rollbacks"] != self._config.rollbacks:
            return
        for step in state["steps"]:
            self._versions[step["number"]] = step["version"]
            self._over[step["number"]] = [read(text) for text in step["episodes"]]

    def close(self) -> None:
        """Let the players go; safe to call twice."""
        self._players.close()

    def _issue(self, number: int, version: int) -> None:
        """Have the games of a step played with the present weights, those of step `version`."""
        play = self._play
        assert play, "`serve` comes first"
        self._issued.add(number)
        self._versions[number] = version
        order = Order(
            number,
            version,
            # safetensors refuses tensors that are not contiguous.
            save({name: each.contiguous() for name, each in trained(play.policy).items()}),
            self._seats(play, number, version),
            play.menu.shares.state(),
            play.tasks.state(),
        )
        self._players.order(order)

    def _seats(self, play: SelfPlay, number: int, version: int) -> dict[str, Sequence[Seated]]:
        """Whom each of the step's games seats, as opponents say who know the run up to now."""
        places = self._config.rollout.games // self._config.rollout.replicates
        found: dict[str, Sequence[Seated]] = {}
        for entry in play.menu.entries:
            entry.opponents.begin(version)
            found[entry.label] = [
                {
                    seat: _name(policy, play.player)
                    for seat, policy in entry.opponents.seats(number, place, play.player).items()
                }
                for place in range(places)
            ]
        return found

    def _take(self) -> None:
        """Wait for the games of a step."""
        done = self._players.next()
        for text in done.said:
            self._say(text)
        self._issued.remove(done.number)
        self._over[done.number] = list(done.episodes)
        self._measured |= {f"player_seconds/{name}": s for name, s in done.seconds.items()}


def _name(policy: Policy, learner: Policy) -> Named:
    """How the player's process is told who sits there."""
    if policy is learner:
        return ITSELF
    if isinstance(policy, Renamed):
        return Known(_step(policy.inner), policy.ref)
    return _step(policy)


def _step(policy: Policy) -> int | None:
    assert isinstance(policy, Absent), "who sits beside the learner is told by name"
    return policy.step
