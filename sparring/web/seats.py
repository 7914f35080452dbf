"""A game with people at the table: who sits where, what each is shown, and what is said afterwards."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sparring.agents.policy import Policy, Request
from sparring.arenas.report.text import line
from sparring.envs.errors import SparringError
from sparring.envs.registry import Game
from sparring.envs.types import Episode, Message, PolicyRef, Reply, Turn

from .boards import board
from .hub import Hub
from .stories import from_episode, shown

PERSON: Final = "a person"
LONGEST_MOVE: Final = 20_000


class SeatError(SparringError, ValueError):
    """Something that a person asked for cannot be done; the message is for that person."""


@dataclass(slots=True)
class _Waiting:
    """A move that somebody is asked for. `number` tells a late answer to an earlier one from this one's."""

    number: int
    request: Request
    reply: Future[str]


class Chair:
    """A person's place. `key` is all that opens it: who sits elsewhere does not know it.

    Lives in the server's loop; only `Person.act` reaches it from the loop of the games.
    """

    def __init__(self, sitting: Sitting, seat: str) -> None:
        self.sitting = sitting
        self.seat = seat
        self.key = secrets.token_urlsafe(16)
        self.hub = Hub(self.state)
        self.agreed = ""
        """The name under which this person wants the game kept."""
        self._waiting: _Waiting | None = None
        self._messages: tuple[Message, ...] = ()
        self._board: dict[str, Any] | None = None
        self._asked = 0

    def ask(self, request: Request, reply: Future[str]) -> None:
        self._asked += 1
        self._waiting = _Waiting(self._asked, request, reply)
        self._messages = request.messages
        self._board = board(self.sitting.game.id, request.messages, request.choices or ())
        self.tell()

    def answer(self, number: int, text: str) -> None:
        """Take a move. Raises SeatError for one that nobody waits for."""
        waiting = self._waiting
        if waiting is None or waiting.number != number:
            raise SeatError("this move was already made, or the game is over")
        if len(text) > LONGEST_MOVE:
            raise SeatError(f"a move has {LONGEST_MOVE:,} characters at most; {len(text):,} came")
        self._waiting = None
        self._messages = (*self._messages, Message("self", text))
        waiting.reply.set_result(text)
        self.tell()

    def leave(self) -> None:
        """Nobody will answer any more: the game is over or has broken off."""
        if self._waiting is not None:
            self._waiting.reply.cancel()
            self._waiting = None

    def tell(self) -> None:
        self.hub.tell(self.state())

    def state(self) -> Mapping[str, Any]:
        """All that this seat may see; of the others only their names, until the game is over."""
        sitting, waiting = self.sitting, self._waiting
        ask = waiting and {
            "number": waiting.number,
            "choices": [line(choice, 200) for choice in waiting.request.choices or ()],
            "listed": waiting.request.choices is not None,
        }
        return {
            "game": line(sitting.game.ref.label),
            "about": line(sitting.game.about, 300),
            "seat": line(self.seat),
            "seats": [[line(seat), line(who, 80)] for seat, who in sitting.names.items()],
            "messages": [[line(m.speaker), shown(m.text)] for m in self._messages],
            "board": self._board,
            "ask": ask,
            "share": sitting.shared(self),
            "over": sitting.over and {**sitting.over, "agreed": self.agreed, "kept": sitting.kept},
        }


class Person:
    """The policy of a chair: asks the person who sits there, and waits for as long as it takes."""

    streams = True

    def __init__(self, chair: Chair, loop: asyncio.AbstractEventLoop) -> None:
        self.ref = PolicyRef("human", f"human/{chair.seat}")
        self._chair = chair
        self._loop = loop

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(await self._said(request)) for request in requests]

    async def _said(self, request: Request) -> str:
        reply: Future[str] = Future()
        # chairs live in the server's loop, games in their own
        self._loop.call_soon_threadsafe(self._chair.ask, request, reply)
        return await asyncio.wrap_future(reply)


@dataclass
class Sitting:
    """One game at the table: `names` of who sits in each seat, chairs of the people, and how it ended."""

    game: Game
    names: Mapping[str, str]
    seed: int
    chairs: dict[str, Chair] = field(default_factory=dict[str, Chair])
    episode: Episode | None = None
    over: dict[str, Any] | None = None
    kept: str = ""

    def __post_init__(self) -> None:
        people = [seat for seat, who in self.names.items() if who == PERSON]
        self.chairs = {seat: Chair(self, seat) for seat in people}

    def shared(self, chair: Chair) -> dict[str, str]:
        """The keys of the other chairs, for the first of them, whose person made the table."""
        first = next(iter(self.chairs.values()))
        return (
            {c.seat: c.key for c in self.chairs.values() if c is not first}
            if chair is first
            else {}
        )

    def end(self, episode: Episode, odds: Sequence[list[Any] | None]) -> None:
        """Show everybody everything."""
        self.episode = episode
        story = from_episode(episode, "The game")
        for turn, of in zip(story["turns"], odds, strict=True):
            turn["odds"] = of
        self.over = {
            "story": story,
            "payoff": {line(seat): amount for seat, amount in episode.payoff.items()},
            "kind": episode.ending.kind,
        }
        self.tell()

    def fail(self, reason: str) -> None:
        """Say why no game came of it."""
        self.over = {"story": None, "payoff": {}, "kind": "error", "reason": shown(reason)}
        self.tell()

    def tell(self) -> None:
        for chair in self.chairs.values():
            if self.over:
                chair.leave()
            chair.tell()


def odds(policy: Policy, turn: Turn) -> list[list[Any]] | None:
    """[choice, probability] of each choice that the policy had at a turn; None where nobody can say."""
    if not turn.choices:
        return None
    try:
        found = _odds(policy, turn, turn.choices)
    # some have no exact distribution: they think first, or sit on a server
    except (SparringError, ValueError, LookupError):
        return None
    if found is None:
        return None
    return [[line(choice, 80), round(p, 4)] for choice, p in zip(turn.choices, found, strict=True)]


def _odds(policy: Policy, turn: Turn, choices: tuple[str, ...]) -> Sequence[float] | None:
    known = getattr(policy, "odds", None)
    if callable(known):
        ask = cast("Callable[[str, Sequence[Message], tuple[str, ...]], Sequence[float]]", known)
        return ask(turn.seat, turn.prompt, choices)
    # a model's; asked for only where one sits, since it takes torch to say so
    if not hasattr(policy, "dialect"):
        return None
    from sparring.agents.language.exact import distributions
    from sparring.agents.language.transformer import Transformer
    from sparring.agents.policy import Key

    if not isinstance(policy, Transformer):
        return None
    request = Request(turn.seat, turn.role, turn.prompt, choices, Key(0, 0, turn.seat, 0))
    (found,) = distributions(policy, [request])
    return [found.probability[choice] for choice in choices]
