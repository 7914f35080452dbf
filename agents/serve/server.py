"""The server itself: the address it binds, who may ask, and how it starts and ends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from .app import Face
from .record import Record
from .shelf import Shelf

LAST_SECONDS = 5
"""For replies that are under way when the server is told to end."""


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
