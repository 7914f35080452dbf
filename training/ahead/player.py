"""The process that plays for a learner elsewhere: `python -m sparring.training.ahead.player FD`.

It makes what a run makes to play (game, model, engine, opponents, judges, verifier), and then plays one
step's games after the other, in the order in which they were issued, each with the weights that came with
it. It ends with its learner's process, whatever ended that.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Generator
from multiprocessing.connection import Connection

from safetensors.torch import load

from ...agents.models.weights import quiet
from ...agents.run_folder import RunFolder
from ...envs.errors import SparringError
from ...sandbox.choose import Lazy
from ..config import games, played
from ..players.absent import Told
from ..players.ancestors import Loaded
from ..players.cast import Cast
from ..players.learner import OnEngine, answering, copied
from ..players.opponents import fixed
from ..players.sharing import Learners
from ..selfplay import SelfPlay
from ..timed import Timed
from .orders import Order, Played, Ready, Setting, portable, receive, send


class Player:
    """Plays what it is ordered to."""

    def __init__(self, play: SelfPlay, opponents: dict[str, Told], verifier: Timed) -> None:
        self.said: list[str] = []
        self._play = play
        self._opponents = opponents
        self._verifier = verifier
        self._worked = time.process_time()

    def play(self, order: Order, part: int = 0) -> Played:
        """A part of an order's games. A fault that would end a run here ends it there."""
        play, began, verifying = self._play, time.perf_counter(), self._verifier.seconds
        worked, self._worked = self._worked, time.process_time()
        version = f"step {order.version}"
        # All learners are in the main one's module.
        play.policy.load(load(order.weights), version)
        for name, policy in play.learners.policies.items():
            policy.publish(version, name=name)

        play.tasks.restore(order.tasks)
        # No two players review the same of the stale tasks.
        play.tasks.rank, play.tasks.ranks = part, order.parts
        play.menu.shares.restore(order.shares)
        for label, seats in order.seats.items():
            self._opponents[label].told = seats
        try:
            episodes = play.rewarded(play.rollout(order.number, part, order.parts)[1])
        except Exception as fault:
            return Played(order.number, fault=portable(fault))

        verified = self._verifier.seconds - verifying
        spent = {
            "play": time.perf_counter() - began - verified,
            "verify": verified,
            # From order to order: all that this process does for one, telling of the last included.
            "cpu": self._worked - worked,
        }
        said, self.said = self.said, []
        return Played(order.number, episodes, spent, said)


@contextlib.contextmanager
def opened(setting: Setting) -> Generator[Player]:
    """All that plays, closed at the end. Raises what `assembled` raises."""
    config = setting.config
    with contextlib.ExitStack() as stack:
        stack.enter_context(quiet())
        runner = stack.enter_context(asyncio.Runner())
        told: list[str] = []
        verifier = Lazy(config.verifier, lambda name: told.append(f"code runs in: {name}"))
        # Pushed after the runner, so closed before it: closing needs the loop.
        stack.callback(lambda: runner.run(verifier.close()))
        if config.verifier != "auto":
            verifier.open()

        game, learner = played(config), copied(config)
        answers = stack.enter_context(answering(config, game, learner))
        host = answers.host if isinstance(answers, OnEngine) else None
        saved = RunFolder(setting.folder).checkpoints
        ancestors = Loaded(saved, game, learner, config.opponents.held, host)
        found, mode = games(config), config.opponents.mode
        beside = {
            each.ref.label: Told(
                ancestors,
                fixed(config, each, learner.sampling) if mode in ("fixed", "psro") else None,
            )
            for each in found
        }
        timed = Timed(verifier)
        play = SelfPlay(
            config,
            found,
            learner,
            loop=runner.get_loop(),
            verifier=timed,
            player=answers,
            opponents=list(beside.values()),
            learners=Learners(learner, Cast(config).names, config.sharing.mode, config.seed),
        )
        made = Player(play, beside, timed)
        made.said = told
        yield made


def serve(connection: Connection) -> None:
    """Play what comes over the connection until it says None."""
    setting: Setting = receive(connection)
    try:
        with opened(setting) as player:
            send(connection, Ready())
            # As in the learner's loop: torch made hundreds of thousands of objects to walk again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(100_000, 20, 20)
            orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
            # Read while games are played: neither process may wait until the other reads.
            threading.Thread(target=_listen, args=(connection, orders), daemon=True).start()
            while (order := orders.get()) is not None:
                send(connection, player.play(order))
    except Exception as fault:
        if not isinstance(fault, SparringError):
            traceback.print_exc()
        send(connection, Ready(portable(fault)))


def _listen(connection: Connection, orders: queue.SimpleQueue[Order | None]) -> None:
    """Pass on what comes. Nobody needs this process once its learner's is gone."""
    order: Order | None = None
    try:
        while True:
            order = receive(connection)
            orders.put(order)
            if order is None:
                return
    except EOFError:
        os._exit(1)


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
