"""From a name to a verifier. `auto` takes Docker if it answers, else the host; never weaker than asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .verifier import VerifierError

if TYPE_CHECKING:
    from .pooled import Pooled

NAMES = ("auto", "docker", "local")


def check_name(name: str) -> None:
    """Raise VerifierError for what is no verifier's name."""
    if name not in NAMES:
        raise VerifierError(f"no verifier {name!r}; give one of {', '.join(NAMES)}")


def open_verifier(name: str = "auto", size: int | None = None) -> Pooled:
    """The verifier called `auto`, `docker` or `local`, with `size` supervisors (default: one per core).

    Its `name` says what it came to. Raises VerifierError when it cannot be had: asking for `docker` where no
    engine answers is an error, not a wish.
    """
    check_name(name)
    if name == "local":
        return _local(size)
    try:
        from .docker import docker_verifier, engine

        if name == "auto":
            engine(timeout=3).close()
    except (ImportError, VerifierError) as fault:
        if name == "docker":
            raise VerifierError(str(fault)) from fault
        return _local(size)
    return docker_verifier(size)


def _local(size: int | None) -> Pooled:
    from .local import local_verifier

    return local_verifier(size)
