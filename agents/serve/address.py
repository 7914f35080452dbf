"""The address that a server binds, and who reaches it."""

from __future__ import annotations

import errno
import ipaddress
import socket

from ...envs.errors import SparringError


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
