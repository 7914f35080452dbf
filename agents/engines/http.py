"""A call over HTTP that can be broken off while it waits, which the server sees: it computes for nobody."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.request
from functools import cache
from typing import Any


class Call:
    """One request, and a way for other threads to end it: `read` then fails with an OSError."""

    def __init__(self) -> None:
        self.cancelled = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def read(self, url: str, data: bytes | None, seconds: float) -> bytes:
        """What the URL answers, within `seconds`; proxies, TLS and errors are those of urllib."""
        with _opener().open(_Asked(url, data, self), timeout=seconds) as answer:
            return answer.read()

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            self._break()

    def connected(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._socket = connection.sock
            if self.cancelled:
                self._break()

    def _break(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it was over already
                self._socket.shutdown(socket.SHUT_RDWR)


class _Asked(urllib.request.Request):
    """A request that knows its call."""

    def __init__(self, url: str, data: bytes | None, call: Call) -> None:
        super().__init__(url, data, {"Content-Type": "application/json"})
        self.call = call


class _Watched(urllib.request.AbstractHTTPHandler):
    """Tells the call of the connection that it is made over."""

    def do_open(self, http_class: Any, req: urllib.request.Request, **http_conn_args: Any) -> Any:
        def connection(*given: Any, **settings: Any) -> http.client.HTTPConnection:
            made: http.client.HTTPConnection = http_class(*given, **settings)
            connect = made.connect

            def connected() -> None:
                connect()
                if isinstance(req, _Asked):  # it is not where a server sent us on
                    req.call.connected(made)

            made.connect = connected
            return made

        return super().do_open(connection, req, **http_conn_args)  # type: ignore[arg-type] typeshed wants a class


class _Http(_Watched, urllib.request.HTTPHandler):
    """http://"""


class _Https(_Watched, urllib.request.HTTPSHandler):
    """https://"""


@cache
def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Http, _Https)
