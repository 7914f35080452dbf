"""The files that a page is made of, and the server that hands them out."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import uvicorn
from sparring.agents.serve.address import bound, loopback
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

Handler = Callable[[Request], Awaitable[Response]]
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_TITLES: Final = {"watch": "live", "play": "at the table"}


def static(page: str) -> list[BaseRoute]:
    """Routes of a page and its files: `watch` is head.html and watch.html at /, its script, two styles."""

    def of(name: str, package: str = "sparring.web") -> Handler:
        text = _part(package, name)
        # the pages differ in their bodies alone
        if name.endswith(".html"):
            head = _part(package, "head.html").decode()
            text = head.format(page=page, title=_TITLES[page]).encode() + text

        async def handler(request: Request) -> Response:
            return Response(text, media_type=_TYPES[name.rpartition(".")[2]])

        return handler

    names = ["live.css", "icon.svg", "parts.js", "charts.js", f"{page}.js"]
    return [
        Route("/", of(f"{page}.html")),
        # the report's own style, so that both look alike
        Route("/page.css", of("page.css", "sparring.arenas.report")),
        *(Route(f"/{name}", of(name)) for name in names),
    ]


@cache
def _part(package: str, name: str) -> bytes:
    return files(package).joinpath(name).read_bytes()


def opened(host: str, port: int, token: str) -> tuple[socket.socket, str, str]:
    """A socket that listens, the address to open in a browser, and the token that is asked for.

    An address that other machines reach has a token, made here where none was given. Raises ServeError.
    """
    if not token and not loopback(host):
        token = secrets.token_urlsafe(24)
    listening = bound(host, port, token)

    found, number = listening.getsockname()[:2]
    # an address of all interfaces is none that a browser can open
    name = socket.gethostname() if found in ("0.0.0.0", "::") else found
    shown = f"[{name}]" if ":" in name else name
    return listening, f"http://{shown}:{number}/" + (f"?token={token}" if token else ""), token


class Server(uvicorn.Server):
    """Tells its streams when it ends: readers that stay would hold it up for ever."""

    def __init__(self, app: ASGIApp, ending: Sequence[Callable[[], None]]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_graceful_shutdown=2,
                # an idle stream costs a ping, and no more
                timeout_keep_alive=20,
                server_header=False,
            )
        )
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for end in self._ending:
            end()
        await super().shutdown(sockets)
