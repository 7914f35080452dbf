"""`sparring watch`: runs in the browser while they run. Only files are read, at the lowest priority."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from .curves import PANELS
from .guard import Guard, own_names
from .hub import Hub
from .pages import Server, static
from .runs import Followed, found

EVERY_SECONDS: Final = 1.0
SHARE: Final = 0.02
"""The most of one core that reading may take: a look that cost 40 ms is followed by 2 s of rest."""
MOST_REST_SECONDS: Final = 5.0
MOST_RUNS: Final = 64


class Watching:
    """The runs of a page, read again and again, and told to everybody who looks."""

    def __init__(self, names: list[str], runs: Path) -> None:
        self._names = names
        self._runs = runs
        self.followed: dict[str, Followed] = {}
        self.hub = Hub(self.whole)
        self._find()

    def whole(self) -> Mapping[str, Any]:
        runs = {id: run.whole() for id, run in self.followed.items()}
        return {"runs": runs, "panels": PANELS, "at": time.time()}

    def look(self) -> bool:
        """Read what is new in all runs, and tell it. Returns whether more is to be read at once."""
        fresh = self._find()
        behind = False
        news: dict[str, Any] = {}
        for id, run in self.followed.items():
            behind |= run.look()
            if (changed := run.news()) or id in fresh:
                news[id] = run.whole() if id in fresh else changed
        if news:
            self.hub.tell({"runs": news, "at": time.time()})
        return behind

    async def keep_looking(self) -> None:
        """Look for as long as the server lives, with so long a rest that runs do not feel it."""
        while True:
            began = time.process_time()
            behind = self.look()
            spent = time.process_time() - began
            # a first look at long runs takes long, and the page must not be blind for minutes after it
            rest = min(spent / SHARE, MOST_REST_SECONDS)
            await asyncio.sleep(rest if behind else max(EVERY_SECONDS, rest))

    def _find(self) -> set[str]:
        """Runs that were not there before: without names, whatever appears below `runs`."""
        fresh: set[str] = set()
        if self._names and self.followed:
            return fresh
        known = {run.folder.path for run in self.followed.values()}
        for name, folder in found(self._names, self._runs)[-MOST_RUNS:]:
            if folder not in known:
                id = f"r{len(self.followed)}"
                self.followed[id] = Followed(folder, name)
                fresh.add(id)
        return fresh


def app(watching: Watching, token: str = "", host: str = "") -> ASGIApp:
    """The page, its events and the games to read, behind the guard."""

    async def events(request: Request) -> Response:
        return StreamingResponse(watching.hub.read(), media_type="text/event-stream")

    async def game(request: Request) -> Response:
        run = watching.followed.get(request.path_params["run"])
        read = run.game(request.path_params["key"]) if run else None
        if read is None:
            return JSONResponse({"fault": "this game has made room for newer ones"}, 404)
        return JSONResponse(read)

    routes = [*static("watch"), Route("/events", events), Route("/game/{run}/{key}", game)]
    return Guard(Starlette(routes=routes), token, own_names(host))


def watch(
    names: list[str],
    listening: socket.socket,
    *,
    runs: Path,
    token: str = "",
    host: str = "",
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve the page until interrupted."""
    yield_to_others()
    watching = Watching(names, runs)
    server = Server(app(watching, token, host), [watching.hub.end])

    async def run() -> None:
        looking = asyncio.create_task(watching.keep_looking())
        started()
        try:
            await server.serve(sockets=[listening])
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    asyncio.run(run())


def yield_to_others() -> None:
    """Let runs go first: where they take all cores, a page gets little and is late."""
    # beside five runs a core this is at most 4 % of the core; lower, readers would wait for minutes
    with suppress(OSError):
        os.nice(7)
