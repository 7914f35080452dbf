"""HTTP to engines: connections kept open and shared, requests that can be cancelled."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

AT_ONCE = 512
"""Requests that one client has under way at most, unless told otherwise."""


class Answer(NamedTuple):
    """What a server said: any status, with the body as it came."""

    status: int
    body: bytes
    retry_after: str = ""


class Unanswered(Exception):
    """A request without a whole answer. `lasting`: asking again would fail in the same way."""

    def __init__(self, why: str, *, lasting: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting


class Client:
    """Asks servers; one pool of connections an event loop, closed when that loop ends."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._pools: dict[asyncio.AbstractEventLoop, _Pool] = {}

    async def ask(
        self,
        url: str,
        body: Mapping[str, Any] | None = None,
        *,
        seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The whole answer within `seconds`: of a POST of `body` as JSON, or of a GET without one.

        A cancelled call closes its connection, which the server sees. Raises Unanswered.
        """
        session = await self._session()
        method = "GET" if body is None else "POST"
        timeout = aiohttp.ClientTimeout(total=seconds)

        try:
            async with session.request(
                method, url, json=body, headers=headers, timeout=timeout, proxy=_proxy(url)
            ) as answer:
                waiting = answer.headers.get("Retry-After", "")
                return Answer(answer.status, await answer.read(), waiting)
        # the order counts: a timeout is also an OSError, and both lasting faults are also
        # ClientErrors
        except TimeoutError as fault:
            raise Unanswered(f"no answer within {seconds:g} s") from fault
        except (aiohttp.InvalidURL, aiohttp.ClientConnectorCertificateError) as fault:
            raise Unanswered(_said(fault), lasting=True) from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise Unanswered(_said(fault)) from fault

    async def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        # a session works only in the loop that opened it, and a client outlives loops
        if loop not in self._pools:
            self._pools = {at: pool for at, pool in self._pools.items() if not at.is_closed()}
            # a generator that is under way is closed by its loop at the end, and the session with it
            # the pool keeps a reference: a generator without one is closed at once
            opening = _opened(self._at_once)
            self._pools[loop] = _Pool(await anext(opening), opening)
        return self._pools[loop].session


class _Pool(NamedTuple):
    """A session, and the generator that closes it."""

    session: aiohttp.ClientSession
    opening: AsyncGenerator[aiohttp.ClientSession]


async def _opened(at_once: int) -> AsyncGenerator[aiohttp.ClientSession]:
    # aiohttp's own limit is 100 connections; the rest would queue unseen
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for this URL, as for every other program."""
    parts = urlsplit(url)
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _said(fault: Exception) -> str:
    """A fault in one line; some have no words of their own, and that of a connection has the library's."""
    if isinstance(fault, aiohttp.InvalidURL):
        return "it is no address"
    secured = isinstance(fault, aiohttp.ClientSSLError)  # whose number says nothing of TLS
    if isinstance(fault, aiohttp.ClientConnectorError) and not secured:
        # a name that is not found has a negative number, which only its own text explains
        number = fault.os_error.errno or 0
        return os.strerror(number) if number > 0 else str(fault.os_error.strerror)
    return " ".join(str(fault).split()) or type(fault).__name__
