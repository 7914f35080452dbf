"""Games of the next steps are played by a process of their own while this one is trained on.

With `rollout.ahead = k` the games of step s are played by the weights of step s − k (the first k steps by the
first weights): they are issued when step s − k begins, and taken when step s does. So

- whole steps are trained on, in the order in which they were issued: none is chosen for being over early;
- every game ends on the weights that it began with, and all of a step have the same ones;
- nothing depends on timing: a run repeats, and one that is resumed goes on as if it had never stopped, since
  a checkpoint holds the games that were played ahead.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from safetensors.torch import save

from ...agents.policy import Policy
from ...arenas.transcript import read, write
from ...envs.errors import SparringError
from ...envs.types import Episode
from ..config import Config
from ..pickled import packed
from ..players.absent import ITSELF, Absent
from ..players.learner import trained
from ..selfplay import SelfPlay
from .orders import Order, Played, Ready, Seated, Setting, receive

DEATHS = 3
"""How often the player may die before the run is given up."""
_PATIENCE_SECONDS = 20.0
"""How long a player that is told to end may take before it is killed."""


class PlayerError(SparringError, RuntimeError):
    """The process that plays keeps dying, or cannot start."""


class Ahead:
    """Plays the games of `config.rollout.ahead` steps before they are asked for.

    Call `serve` with the run's SelfPlay before the first step. The player's process starts at once; what it
    raises while it starts is raised here. `say` tells a person. When it dies, another plays what it had not.
    """

    def __init__(self, config: Config, folder: Path, say: Callable[[str], None]) -> None:
        self._config = config
        # Steps count optimiser steps, and games are played for the first of the iterations.
        self._stride = config.update.iterations
        self._setting = Setting(config, folder.absolute())
        self._say = say
        self._deaths = 0

        # By step, in issue order: what is not over, and what is but was not asked for.
        self._issued: dict[int, bytes] = {}
        self._over: dict[int, list[Episode]] = {}
        self._versions: dict[int, int] = {}
        self._measured: dict[str, float] = {}
        self._play: SelfPlay | None = None
        self._start()

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
        """End the player; safe to call twice."""
        try:
            self._connection.send_bytes(packed(None))
            self._process.wait(_PATIENCE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
        self._connection.close()
        self._process.wait()

    def _start(self) -> None:
        """Start a player, and wait until it can play. Raises what it raised, or PlayerError."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "sparring.training.ahead.player", str(theirs.fileno())]
        with theirs:
            # In a session of its own: Ctrl-C is for the learner, which ends it.
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._connection = Connection(ours.detach())
        try:
            self._connection.send_bytes(packed(self._setting))
            ready: Ready = receive(self._connection)
        except (EOFError, OSError):
            raise PlayerError("the process that plays ended while it started") from None
        if ready.fault:
            self.close()
            raise ready.fault

    def _issue(self, number: int, version: int) -> None:
        """Have the games of a step played with the present weights, those of step `version`."""
        play = self._play
        assert play, "`serve` comes first"
        order = Order(
            number,
            version,
            # safetensors refuses tensors that are not contiguous.
            save({name: each.contiguous() for name, each in trained(play.policy).items()}),
            self._seats(play, number, version),
            play.menu.shares.state(),
            play.tasks.state(),
        )
        # Kept until they are over: another player may have to play them.
        self._issued[number] = packed(order)
        self._versions[number] = version
        self._send(self._issued[number])

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
        """Wait for the games of the next step."""
        try:
            done: Played | Ready = receive(self._connection)
        except EOFError:
            self._revive()
            return

        if done.fault:
            raise done.fault
        assert isinstance(done, Played), "a player is ready once"
        for text in done.said:
            self._say(text)
        del self._issued[done.number]
        self._over[done.number] = list(done.episodes)
        self._measured |= {f"player_seconds/{name}": s for name, s in done.seconds.items()}

    def _send(self, order: bytes) -> None:
        try:
            self._connection.send_bytes(order)
        except OSError:
            self._revive()

    def _revive(self) -> None:
        """Start another player in place of one that died, and have it play what that one had not."""
        self._process.kill()
        code = self._process.wait()
        self._deaths += 1
        if self._deaths > DEATHS:
            raise PlayerError(
                f"the process that plays died {self._deaths} times, the last time with code {code}; resume "
                "the run, or set rollout.ahead = 0"
            )
        self._say(f"the process that plays died (code {code}); another takes its place")
        self._connection.close()
        self._start()
        try:
            for order in self._issued.values():
                self._connection.send_bytes(order)
        except OSError:
            # It died again, which whoever waits for it will see.
            return


def _name(policy: Policy, learner: Policy) -> int | str | None:
    """How the player's process is told who sits there."""
    if policy is learner:
        return ITSELF
    assert isinstance(policy, Absent), "who sits beside the learner is told by name"
    return policy.step
