"""One process on this machine that plays: started, told what to play, and replaced when it dies."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from ..pickled import packed
from .orders import Order, Played, PlayerError, Ready, Setting, receive

DEATHS = 3
"""How often the player may die before the run is given up."""
_PATIENCE_SECONDS = 20.0
"""How long a player that is told to end may take before it is killed."""


class Process:
    """Plays what it is ordered, one order after the other. `say` tells a person when it died.

    The process starts at once; what it raises while it starts is raised here.
    """

    def __init__(self, setting: Setting, say: Callable[[str], None]) -> None:
        self._setting = setting
        self._say = say
        self._deaths = 0
        # Kept until they are over: another player may have to play them.
        self._issued: dict[int, bytes] = {}
        self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def order(self, order: Order) -> None:
        """Have the games of a step played."""
        sent = self._issued[order.number] = packed(order)
        try:
            self._connection.send_bytes(sent)
        except OSError:
            self._revive()

    def next(self) -> Played:
        """Wait for the games of the step that was ordered first. Raises PlayerError."""
        while True:
            try:
                done: Played | Ready = receive(self._connection)
            except EOFError:
                self._revive()
                continue
            if done.fault:
                raise done.fault
            assert isinstance(done, Played), "a player is ready once"
            del self._issued[done.number]
            return done

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
