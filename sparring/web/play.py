"""`sparring play --web`: people at a table in the browser, against each other or against any entrant."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any, Final, cast

from sparring.agents.policy import Policy
from sparring.arenas.match import Match, play
from sparring.arenas.report.text import line
from sparring.envs.errors import SparringError
from sparring.envs.registry import Game
from sparring.sandbox.verifier import Verifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from .guard import Guard, own_names
from .keeping import keep, name_of
from .pages import Server, static
from .seats import PERSON, Chair, Person, SeatError, Sitting, odds

MOST_TABLES: Final = 64


class Room:
    """All tables of a server. Games have a thread of their own: a model that moves holds up no page."""

    def __init__(
        self,
        game: Game,
        entrants: Sequence[str],
        seated: Callable[[str], Policy],
        *,
        store: Path,
        verifier: Verifier | None = None,
        seats: Mapping[str, str] | None = None,
    ) -> None:
        self.game = game
        self.entrants = list(entrants)
        self.store = store
        self._seats = dict(seats or {})
        self._seated = seated
        self._verifier = verifier
        self._policies: dict[str, asyncio.Future[Policy]] = {}
        self._tables: list[Sitting] = []

        self._games = asyncio.new_event_loop()
        Thread(target=self._games.run_forever, daemon=True).start()

    def lobby(self) -> dict[str, Any]:
        """What a person may choose from."""
        game = self.game
        return {
            "game": line(game.ref.label),
            "about": line(game.about, 300),
            "rules": {role: line(str(text), 2_000) for role, text in dict(game.rules).items()},
            "seats": [[line(s), line(self._seats.get(s, ""))] for s in game.seats],
            "entrants": [line(name) for name in self.entrants],
            "person": PERSON,
            "store": line(str(self.store.parent)),
        }

    def open(self, seats: Mapping[str, str], seed: int | None) -> dict[str, str]:
        """Make a table and begin its game. Returns the key of each person's chair. Raises SeatError."""
        if set(seats) != set(self.game.seats):
            raise SeatError(f"{self.game.id} has the seats {', '.join(self.game.seats)}")
        if unknown := [who for who in seats.values() if who not in (PERSON, *self.entrants)]:
            raise SeatError(f"nobody here is called {line(unknown[0], 60)!r}")
        if PERSON not in seats.values():
            raise SeatError("seat a person somewhere; games of models alone are `sparring play`")

        self._make_room()
        ordered = {seat: seats[seat] for seat in self.game.seats}
        sitting = Sitting(self.game, ordered, secrets.randbelow(2**31) if seed is None else seed)
        self._tables.append(sitting)
        self._begin(self._play(sitting, asyncio.get_running_loop()))
        return {chair.seat: chair.key for chair in sitting.chairs.values()}

    def chair(self, key: str) -> Chair:
        """The chair that a key opens. Raises SeatError."""
        for sitting in self._tables:
            for chair in sitting.chairs.values():
                if secrets.compare_digest(chair.key.encode(), key.encode()):
                    return chair
        raise SeatError("this table is gone: the server was started anew, or has made room")

    def agree(self, chair: Chair, name: str) -> None:
        """Keep the game once everybody who sat there has said so. Raises SeatError and StoreError."""
        sitting = chair.sitting
        if sitting.episode is None or sitting.kept:
            raise SeatError("a game is kept once, when it is over")
        chair.agreed = name_of(name)
        agreed = {seat: other.agreed for seat, other in sitting.chairs.items()}
        try:
            if all(agreed.values()):
                sitting.kept = keep(self.store, self.game, sitting.episode, agreed)
        except SparringError:
            chair.agreed = ""
            raise
        sitting.tell()

    def ready(self, name: str) -> None:
        """Load an entrant now. Raises SparringError for a name that is none."""
        asyncio.run_coroutine_threadsafe(self._policy(name), self._games).result()

    def end(self) -> None:
        """Let everybody go."""
        for sitting in self._tables:
            for chair in sitting.chairs.values():
                chair.leave()
                chair.hub.end()
        if self._verifier is not None:
            closing = asyncio.run_coroutine_threadsafe(self._verifier.close(), self._games)
            with suppress(TimeoutError):
                closing.result(5)
        asyncio.run_coroutine_threadsafe(_stopped(self._games), self._games)

    def _begin(self, game: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(game, self._games)

    def _make_room(self) -> None:
        if len(self._tables) < MOST_TABLES:
            return
        # the oldest that is over, else the oldest: somebody may have left in the middle
        over = [sitting for sitting in self._tables if sitting.over]
        gone = (over or self._tables)[0]
        self._tables.remove(gone)
        for chair in gone.chairs.values():
            chair.leave()
            chair.hub.end()

    async def _play(self, sitting: Sitting, server: asyncio.AbstractEventLoop) -> None:
        """In the loop of the games: play, and tell the server's loop how it ended."""
        try:
            seats: dict[str, Policy] = {
                seat: Person(sitting.chairs[seat], server)
                if who == PERSON
                else await self._policy(who)
                for seat, who in sitting.names.items()
            }
            # a copy of its own: a person's moves are not to be told from the seed
            match = Match(self.game, seats, sitting.seed, secrets.randbelow(2**31))
            episode = await play(match, verifier=self._verifier)
            known = [
                None if turn.seat in sitting.chairs else odds(seats[turn.seat], turn)
                for turn in episode.turns
            ]
        except SparringError as fault:
            server.call_soon_threadsafe(sitting.fail, str(fault))
        else:
            server.call_soon_threadsafe(sitting.end, episode, known)

    async def _policy(self, name: str) -> Policy:
        """In the loop of the games: who is called so. Loading has a thread, so that other tables play on."""
        if name not in self._policies:
            loading = asyncio.to_thread(self._seated, name)
            self._policies[name] = asyncio.ensure_future(loading)
        try:
            # a table that ends must not end the loading that others wait for
            return await asyncio.shield(self._policies[name])
        except SparringError:
            # who could not be loaded may be there when somebody asks again
            self._policies.pop(name, None)
            raise


async def _stopped(loop: asyncio.AbstractEventLoop) -> None:
    """End the games that still wait for somebody, and then their loop."""
    waiting = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    loop.stop()


def app(room: Room, token: str = "", host: str = "") -> ASGIApp:
    """The lobby, the tables and their events, behind the guard."""

    async def lobby(request: Request) -> Response:
        return JSONResponse(room.lobby())

    async def events(request: Request) -> Response:
        try:
            chair = room.chair(request.query_params.get("key", ""))
        # 204 tells a browser not to come back
        except SeatError:
            return Response(status_code=204)
        return StreamingResponse(chair.hub.read(), media_type="text/event-stream")

    async def posted(request: Request) -> Response:
        try:
            return JSONResponse(_done(room, request.path_params["what"], await _body(request)))
        except SparringError as fault:
            return JSONResponse({"fault": line(str(fault), 400)}, 400)

    routes = [
        *static("play"),
        Route("/lobby", lobby),
        Route("/events", events),
        Route("/do/{what}", posted, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), token, own_names(host))


async def _body(request: Request) -> dict[str, Any]:
    # a form of another page cannot send this type without asking first
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise SeatError("JSON is expected")
    try:
        data = await request.json()
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise SeatError("a JSON object is expected")
    return cast("dict[str, Any]", data)


def _done(room: Room, what: str, data: dict[str, Any]) -> dict[str, Any]:
    """Do what was posted. Raises SeatError for anything that is not in order."""
    if what == "open":
        seats, seed = data.get("seats"), data.get("seed")
        if not isinstance(seats, dict) or not all(isinstance(v, str) for v in seats.values()):
            raise SeatError("seats are expected: a name for each")
        if seed is not None and not (type(seed) is int and 0 <= seed < 2**32):
            raise SeatError(f"a seed is a whole number from 0 to {2**32 - 1:,}")
        return {"keys": room.open(cast("dict[str, str]", seats), seed)}

    chair = room.chair(str(data.get("key", "")))
    if what == "move":
        number, text = data.get("number"), data.get("text")
        if type(number) is not int or not isinstance(text, str):
            raise SeatError("a move has a number and a text")
        chair.answer(number, text)
    elif what == "keep":
        room.agree(chair, str(data.get("name", "")))
    else:
        raise SeatError(f"nothing here is called {line(what, 40)!r}")
    return {}


def serve(
    room: Room,
    listening: socket.socket,
    *,
    token: str = "",
    host: str = "",
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve the room until interrupted."""
    server = Server(app(room, token, host), [room.end])

    async def run() -> None:
        started()
        await server.serve(sockets=[listening])

    asyncio.run(run())
