"""Who may ask a server of ours, and what a browser may do with its answers.

Three attacks are met. Another page in the same browser posts to us or reads us: `Origin` and
`Sec-Fetch-Site` give it away. A name of its own that suddenly means this machine (DNS rebinding): `Host`
gives it away. Other machines, where the server is open to them: a token, which the first visit turns into
a cookie that no script can read.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES: Final = 65_536
"""Of what a browser may post: a move, a name."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer: nothing from outside, no script or style but our own files, no frame around us."""


class Guard:
    """An ASGI app around another. `names` are host names that the server answers to, beside addresses."""

    def __init__(self, app: ASGIApp, token: str = "", names: Collection[str] = ()) -> None:
        self._app = app
        self._token = token
        self._names = {"localhost", *(name.lower() for name in names if name)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._refusal(Request(scope))
        await (refused or self._app)(scope, receive, sealed)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that goes no further; None for one that may."""
        headers = request.headers
        if not self._known(headers.get("host", "")):
            return PlainTextResponse("this server does not answer to that host name\n", 421)
        if not _ours(headers):
            return PlainTextResponse("this server answers to its own pages only\n", 403)

        length = headers.get("content-length", "0")
        changes = request.method not in ("GET", "HEAD")
        # a body without a length could be without end
        if changes and not (length.isdecimal() and "transfer-encoding" not in headers):
            return PlainTextResponse("a length must be given\n", 411)
        if changes and int(length) > MOST_BYTES:
            return PlainTextResponse("too long\n", 413)
        return self._locked(request) if self._token else None

    def _locked(self, request: Request) -> Response | None:
        """What a request without the token meets; with it in the address, the browser is given a cookie."""
        cookie = f"sparring-{request.url.port or 80}"
        if self._fits(request.cookies.get(cookie, "")):
            return None
        given = request.query_params.get("token", "")
        if request.method != "GET" or not self._fits(given):
            return PlainTextResponse(
                "this server asks for its token: open the address that it printed when it started\n",
                401,
            )

        # at once to the address without the token, so that it stays in no history and no screenshot
        rest = request.url.remove_query_params("token")
        target = rest.path + (f"?{rest.query}" if rest.query else "")
        answer = RedirectResponse("/" + target.lstrip("/"), 303)
        answer.set_cookie(cookie, self._token, httponly=True, samesite="strict", path="/")
        return answer

    def _fits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _known(self, host: str) -> bool:
        """Whether a `Host` is an address or a name of ours: a name that was made to mean us is neither."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
            ipaddress.ip_address(name)
        except ValueError:
            return _name(host) in self._names
        return True


def _name(host: str) -> str:
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _ours(headers: Headers) -> bool:
    """Whether a request was made by one of our own pages, or by a person who typed its address."""
    # what a browser says of itself, which no page can change
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # a link to us, followed by a person, shows only what the person may see
        return headers.get("sec-fetch-mode") == "navigate" and headers.get("origin") is None
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def own_names(host: str) -> set[str]:
    """Names by which other machines may know this one."""
    return {host, socket.gethostname(), socket.getfqdn()}
