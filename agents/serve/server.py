"""The server itself: the address it binds, who may ask, and how it starts and ends."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from ...envs.errors import SparringError
from .app import Face
from .record import Record
from .shelf import Shelf

LAST_SECONDS = 5
"""For replies that are under way when the server is told to end."""


class ServeError(SparringError, OSError):
    """The server cannot start as asked."""


def loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bound(host: str, port: int, token: str) -> socket.socket:
    """A socket that listens. Raises ServeError for an address that is taken, or open without a token."""
    if not loopback(host) and not token:
        raise ServeError(
            f"{host} is open to other machines: name an environment variable that holds a token with "
            "--token-from, or stay on 127.0.0.1"
        )
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:
        raise ServeError(f"{host} is no address of this machine ({fault.strerror})") from fault

    # A server that ended a moment ago does not hold its port any longer; one that runs does.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as fault:
        listening.close()
        if fault.errno == errno.EADDRINUSE:
            raise ServeError(
                f"port {port} of {host} is taken; choose another with --port (0: any that is free)"
            ) from fault
        raise ServeError(
            f"port {port} of {host} cannot be used ({fault.strerror}); choose another with --port"
        ) from fault
    return listening


def serve(
    shelf: Shelf,
    listening: socket.socket,
    *,
    token: str = "",
    record: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Answer until interrupted. Raises RecordError where the traffic cannot be written."""
    kept = Record(record, say) if record else None
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host

    try:
        app = Face(shelf, token, kept).app()
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=LAST_SECONDS,
        )
        server = uvicorn.Server(config)

        say(f"{len(shelf.names)} models at http://{shown}:{port}/v1; Ctrl-C ends the server")
        server.run(sockets=[listening])
    finally:
        listening.close()
        if kept:
            kept.close()
