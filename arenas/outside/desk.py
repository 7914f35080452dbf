"""One game whose open seats are played from outside: what they are asked comes out, replies go in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...agents.policy import Policy, Request
from ...agents.prompts import Chat, chat, split_thought
from ...envs.registry import Game
from ...envs.types import Episode, PolicyRef, Reply
from ...sandbox.verifier import Verifier
from ..match import Match, play


class Asked(NamedTuple):
    """A move that an open seat is to make: the whole conversation as chat messages, ending in the prompt."""

    seat: str
    messages: Chat
    choices: tuple[str, ...] | None

    @property
    def news(self) -> str:
        """What the seat has not seen yet: all that the game said since the seat's last reply."""
        return self.messages[-1]["content"]


class Desk:
    """Plays one match in the running loop; `asked` waits for what the open seats are to answer.

    The game is played by `arenas.match.play`, so it is the game that is played here. Close it, also in
    mid-game.
    """

    def __init__(
        self,
        game: Game,
        open_seats: Sequence[str],
        others: Mapping[str, Policy],
        seed: int,
        verifier: Verifier | None = None,
    ) -> None:
        self._queue: asyncio.Queue[Request | None] = asyncio.Queue()
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        sitting = {seat: policy for seat, policy in others.items() if seat not in open_seats}

        outsider = _Outside(self)
        match = Match(game, {**sitting, **dict.fromkeys(open_seats, outsider)}, seed)
        self._task = asyncio.create_task(play(match, verifier=verifier))
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))

    async def asked(self) -> Asked | None:
        """What an open seat is asked next; None when the game is over."""
        request = await self._queue.get()
        if request is None:
            return None
        return Asked(request.seat, chat(request.role, request.messages), request.choices)

    def answer(self, seat: str, reply: Reply | str) -> None:
        """The seat's reply to what it was asked; a thought in a text is hidden from the others."""
        if isinstance(reply, str):
            said = split_thought(reply)
            reply = Reply(said.text, said.thought)
        self._waiting.pop(seat).set_result(reply)

    async def episode(self) -> Episode:
        """The finished game. Raises what kept it from being played: a missing verifier, a wrong seating."""
        return await self._task

    async def close(self) -> None:
        """End the game where it stands; nothing happens where it is over."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def put(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """For the open seats' policy: hand the requests out and wait for their replies."""
        loop = asyncio.get_running_loop()
        for request in requests:
            self._waiting[request.seat] = loop.create_future()
        replies = [self._waiting[request.seat] for request in requests]
        for request in requests:
            self._queue.put_nowait(request)
        return await asyncio.gather(*replies)


class _Outside:
    """The policy of all open seats."""

    ref = PolicyRef("outside", "outside")
    streams = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return await self._desk.put(requests)
