"""What commands with a page share: its address, and the extra that it needs."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from .options import ArgumentError, whole

HOST = "127.0.0.1"


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument(
        "--host",
        default=HOST,
        help=f"address of the page (default {HOST}); one that other machines reach asks for a token",
    )
    parser.add_argument(
        "--port",
        type=whole(0, 65_535),
        default=port,
        metavar="N",
        help=f"of the page; 0: any that is free (default {port})",
    )


def needed(what: str) -> None:
    """Raise ArgumentError where the extra `web` is not installed."""
    for name in ("starlette", "uvicorn"):
        if find_spec(name) is None:
            raise ArgumentError(
                f"`{what}` needs {name}, which is not installed: pip install 'sparring[web]'"
            )
