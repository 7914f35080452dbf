"""Players without a model: baselines, oracles, fakes, and a person at the terminal."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import TextIO

from ..envs.errors import SparringError, Unknown
from ..envs.players import example
from ..envs.registry import Game, Player
from ..envs.seeds import fraction
from ..envs.types import Message, PolicyRef, Reply
from .policy import Policy, Request


class UnknownPlayerError(Unknown):
    """No scripted player of this name fits the game."""


class UnansweredError(SparringError, LookupError):
    """A scripted player has no answer to what it was asked."""


class Left(SparringError, EOFError):
    """The person at the terminal went away (end of input)."""


def pick(odds: Sequence[float], at: float) -> int:
    """The index into odds (which need not sum to 1) where their running sum passes `at` of the whole."""
    running = list(accumulate(odds))
    goal = at * running[-1]
    # strictly above, so that odds of zero are never picked, even at 0
    return next(index for index, passed in enumerate(running) if passed > goal)


class Scripted:
    """Replies by rule. A sequence answers a seat's asks in order, its last reply ever after."""

    streams = False

    def __init__(
        self, replies: Sequence[str] | Callable[[Request], str], name: str = "scripted"
    ) -> None:
        self._replies = replies
        self.ref = PolicyRef(name, f"scripted/{name}")

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(self._reply(request)) for request in requests]

    def _reply(self, request: Request) -> str:
        if callable(self._replies):
            return self._replies(request)
        # the ask's number and no counter here: one policy may sit in many games at once
        return self._replies[min(request.key.ask, len(self._replies) - 1)]


class Random:
    """Takes every listed choice with equal probability; else says what the prompt gives as an example."""

    streams = False

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.ref = PolicyRef("random", f"random/{seed}")

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(self._choice(request)) for request in requests]

    def odds(
        self, seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]
    ) -> Sequence[float]:
        """How likely each choice is taken."""
        return (1 / len(choices),) * len(choices)

    def _choice(self, request: Request) -> str:
        # the seat's own replies are left out: they would be found as examples too
        if not request.choices:
            return example("\n".join(m.text for m in request.messages if m.speaker != "self"))

        # noise from the key alone, so the move does not depend on earlier calls
        return request.choices[
            int(fraction(f"{self._seed}/{request.key.name}") * len(request.choices))
        ]


class Oracle:
    """Plays by a function of its view: a game's own scripted player, or any policy that is known exactly."""

    streams = False

    def __init__(self, player: Player, name: str, id: str, seed: int = 0) -> None:
        self._player = player
        self._seed = seed
        self.ref = PolicyRef(name, id)

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(self._move(request)) for request in requests]

    def odds(
        self, seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]
    ) -> Sequence[float]:
        """How likely each choice is taken. Raises ValueError where what is said is none of them."""
        said = self._player(seat, messages, choices)
        if not isinstance(said, str):
            return said
        if said not in choices:
            raise ValueError(f"{self.ref.name} says {said!r}, which is none of {choices}")
        return tuple(float(choice == said) for choice in choices)

    def _move(self, request: Request) -> str:
        choices = request.choices or ()
        said = self._player(request.seat, request.messages, choices)
        return (
            said
            if isinstance(said, str)
            else choices[pick(said, fraction(f"{self._seed}/{request.key.name}"))]
        )


class Human:
    """A person at the terminal. Shows what is new to the seat and reads one line.

    Raises Left at the end of input; Ctrl-C is left to the caller.
    """

    streams = False

    def __init__(
        self, name: str = "human", stdin: TextIO | None = None, stdout: TextIO | None = None
    ) -> None:
        self._in = stdin
        self._out = stdout
        self.ref = PolicyRef(name, f"human/{name}")

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(await self._line(request)) for request in requests]

    async def _line(self, request: Request) -> str:
        out = self._out or sys.stdout
        for message in _news(request.messages):
            print(message.text, file=out)
        choices = f" ({', '.join(request.choices)})" if request.choices else ""
        print(f"{request.seat}{choices}> ", end="", file=out, flush=True)
        line = await _in_thread((self._in or sys.stdin).readline)
        # an empty line is "\n"; only the end of input is empty
        if not line:
            print(file=out)
            raise Left(f"{request.seat} left the game: no more input")
        return line.rstrip("\r\n")


def _news(messages: Sequence[Message]) -> Sequence[Message]:
    """What was said since the seat's last reply."""
    spoke = [index for index, message in enumerate(messages) if message.speaker == "self"]
    return messages[spoke[-1] + 1 if spoke else 0 :]


async def _in_thread(read: Callable[[], str]) -> str:
    """Run a blocking read without holding up the loop or, after Ctrl-C, the end of the process."""
    # a daemon thread of its own: the pool behind asyncio.to_thread is joined at exit,
    # and a read that blocks would hold the process until a line comes
    loop = asyncio.get_running_loop()
    done: asyncio.Future[str] = loop.create_future()

    def work() -> None:
        line = read()
        # the line may come after the game was cancelled, or after the loop's end
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: done.cancelled() or done.set_result(line))

    threading.Thread(target=work, daemon=True).start()
    return await done


def _nash(game: Game) -> Policy:
    from ..envs.exact import SMALL, TreeError, tree

    try:
        walked = tree(game, SMALL)
    except TreeError as fault:
        others = [name for name in scripted_names(game) if name not in ("nash", "human")]
        raise TreeError(
            f"nash is solved from a game's whole tree: {fault}; seat somebody else: {', '.join(others)}"
        ) from None
    # the tree comes first: a game that is too large is refused in seconds
    from ..envs.equilibrium import equilibrium  # scipy, which no other player needs

    odds = equilibrium(walked)

    def move(seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]) -> Sequence[float]:
        try:
            return odds[seat, messages]
        except KeyError:
            # the tree holds only replies that parse: a view after a failed try is outside
            last = messages[-1].text if messages else ""
            raise UnansweredError(
                f"nash meets a view outside the tree: {seat} at {last!r}"
            ) from None

    return Oracle(move, "nash", f"nash/{game.ref}")


def _oracle(game: Game, name: str) -> Policy:
    # the source is in the id: a player whose rule changed is another entrant
    player = game.oracles[name]
    return Oracle(
        player,
        name,
        f"{name}/{game.ref}/{sha256(inspect.getsource(player).encode()).hexdigest()[:8]}",
    )


def scripted_names(game: Game) -> tuple[str, ...]:
    """The players without a model that can sit in this game."""
    # an equilibrium is worth its value against anybody only where two play zero-sum
    solved = ("nash",) if game.sum == "zero" and len(game.seats) == 2 else ()
    return ("random", "human", *solved, *game.oracles)


def scripted(name: str, game: Game) -> Policy:
    """The player of this name: `random`, `human`, the game's own oracles, or its solved `nash`.

    Raises UnknownPlayerError, naming the nearest, and TreeError when `nash` asks for too large a tree.
    """
    # a game's own player goes first, also before our `nash`
    if name in game.oracles:
        return _oracle(game, name)
    if name == "nash" and name in scripted_names(game):
        return _nash(game)
    makers: Mapping[str, Callable[[], Policy]] = {"random": Random, "human": Human}
    if name in makers:
        return makers[name]()
    raise UnknownPlayerError("scripted player", name, scripted_names(game), where=f" for {game.id}")
