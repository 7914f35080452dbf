"""The runner in hardened containers of a Docker engine: the only file that imports `docker`.

One container per supervisor, warm, reached over one attached stream. No network, no capability, no writable
file, no log, a process limit and a memory limit; killed when its client leaves. Covers what `local` covers
and adds a file system and a process tree with nothing else in them. Does not cover bugs of the kernel that
the containers share with the host: `runtime="runsc"` (gVisor) puts another kernel in between.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from .cache import Cache
from .image.build import archive, tag
from .pool.connection import ConnectionLost, SocketConnection
from .pool.pool import Pool
from .pool.verifier import Pooled
from .verifier import VerifierError

OWNER: Final = "sparring.owner"
EXPIRES: Final = "sparring.expires"
LIFETIME_SECONDS: Final = 24 * 3600
MEGABYTES: Final = 1024
DEVICES: Final = "ro,dev,nosuid,noexec,noatime,mode=755,size=64k"
"""How /dev is mounted. As the engine has it, to follow one of its links sets the link's time of last access,
and a later program reads there what an earlier one wrote."""
OWN_MEGABYTES: Final = 128
"""Of a container's memory, for supervisor, fork servers and waiting requests."""
_MASKED: Final = (  # the engine's own list, and what is neither needed nor anyone's business
    "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/proc/interrupts", "/sys", "/dev/mqueue",
)  # fmt: skip


@contextmanager
def _explained(doing: str) -> Generator[None, None, None]:
    """Turn the engine's faults into VerifierErrors that say what it could not do."""
    try:
        yield
    except ImageNotFound as fault:
        raise VerifierError(
            f"the Docker engine at {_place()} lacks an image ({_reason(fault)}); build it there "
            "(docs/sandbox.md says how), or name none, for the one that is built offline"
        ) from fault
    except (DockerException, OSError) as fault:
        raise VerifierError(
            f"the Docker engine at {_place()} failed at {doing}: {_reason(fault)}"
        ) from fault


def _place() -> str:
    return os.environ.get("DOCKER_HOST", "its default socket")


def _reason(fault: BaseException) -> str:
    """The engine's own words, else the innermost reason: the libraries around it repeat it three times."""
    if isinstance(fault, APIError) and fault.explanation:
        return " ".join(str(fault.explanation).split())[:200]

    # Libraries wrap an exception as its cause, its context, an argument or a `reason`.
    seen: list[BaseException] = []
    while fault not in seen:
        seen.append(fault)
        within = (fault.__cause__, fault.__context__, *fault.args, getattr(fault, "reason", None))
        new = [each for each in within if isinstance(each, BaseException) and each not in seen]
        fault = next(iter(new), fault)

    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return " ".join(str(fault).split())[:200]


def engine(timeout: int = 20) -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names. Raises VerifierError when the engine does not answer."""
    try:
        return docker.from_env(timeout=timeout, version="auto")
    except (DockerException, OSError) as fault:
        raise VerifierError(
            f"no Docker engine answers at {_place()} ({_reason(fault)}); start one, point DOCKER_HOST at "
            "one, or take --verifier local; `sparring sandbox doctor` says what is here"
        ) from fault


def build(rebuild: bool = False) -> str:
    """Make the image from this machine's interpreter unless it is there; returns its id."""
    client = engine(timeout=120)
    with _explained("building the image"):
        try:
            if not rebuild:
                try:
                    return str(client.images.get(tag()).id)
                except ImageNotFound:
                    pass

            data, digest = archive()
            loaded = client.images.load(data)
            if not loaded or not client.images.get(tag()):
                raise VerifierError(f"the engine did not take the image {digest}")
            return str(client.images.get(tag()).id)
        finally:
            client.close()


def owner() -> str:
    """This process, so that its containers can be told from those of the dead: place, pid and start time.

    The place is boot and process namespace: process ids of another say nothing here.
    """
    with open("/proc/sys/kernel/random/boot_id") as boot:
        place = f"{boot.read().strip()[:8]}.{os.stat('/proc/self/ns/pid').st_ino}"
    return f"{place}-{os.getpid()}-{_started(os.getpid())}"


def _started(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return "gone"


def _dead(labels: dict[str, str]) -> bool:
    """Whether a container's owner has ended; of owners elsewhere only the expiry date tells."""
    if float(labels.get(EXPIRES, "inf")) < time.time():
        return True

    # A process id is given again: only with its start time it names a process.
    place, _, rest = labels.get(OWNER, "").partition("-")
    pid, _, start = rest.partition("-")
    return place == owner().partition("-")[0] and pid.isdigit() and _started(int(pid)) != start


_LEFT: Final = set[str]()
"""Names of this process's containers that no answer of the engine says are gone."""


def _remove(client: docker.DockerClient, name: str) -> None:
    """Remove a container, made or not; one whose engine does not answer is remembered for the next sweep."""
    _LEFT.add(name)
    try:
        client.api.remove_container(name, force=True)
    except APIError as fault:
        if fault.status_code not in (404, 409):  # never made or gone; going already
            return
    except (DockerException, OSError):
        return
    _LEFT.discard(name)


def _sweep(client: docker.DockerClient) -> None:
    """Remove what an engine that did not answer has left of this process's containers."""
    for name in tuple(_LEFT):
        _remove(client, name)


def remove_orphans() -> int:
    """Remove the containers whose owner has ended, and what an engine that failed left of this process's;
    how many of the dead's there were."""
    client, removed = engine(), 0
    try:
        _sweep(client)
        for found in client.api.containers(all=True, filters={"label": OWNER}):
            if _dead(found["Labels"]):
                with suppress(DockerException):
                    client.api.remove_container(found["Id"], force=True)
                    removed += 1
    finally:
        client.close()
    return removed


class DockerConnection(SocketConnection):
    """A container and the stream attached to it."""

    def __init__(self, image: str, megabytes: int, runtime: str | None) -> None:
        self._client = engine()
        self._name = (
            f"sparring-{uuid.uuid4().hex}"  # known before the engine's answer, which may be lost
        )
        self._id = ""
        self._buffer = bytearray()
        try:
            with _explained("starting a container"):
                _sweep(self._client)
                self._start(image, megabytes, runtime)
            self.strength = self._greeting()
        except (ConnectionLost, OSError) as fault:
            self.close()
            raise VerifierError(f"the container's supervisor left at once: {fault}") from None
        except BaseException:
            self.close()
            raise

    def _start(self, image: str, megabytes: int, runtime: str | None) -> None:
        api = self._client.api
        host = api.create_host_config(
            network_mode="none",
            read_only=True,
            tmpfs={"/dev": DEVICES},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=64,
            mem_limit=f"{megabytes}m",
            memswap_limit=f"{megabytes}m",  # the same: no swap
            ipc_mode="none",
            log_config={"type": "none", "config": {}},
            auto_remove=True,
            runtime=runtime,
        )
        host["MaskedPaths"] = list(_MASKED)

        labels = {OWNER: owner(), EXPIRES: str(int(time.time() + LIFETIME_SECONDS))}
        self._id = api.create_container(
            image,
            ["container+seccomp"],
            name=self._name,
            stdin_open=True,
            user="20000:20000",
            host_config=host,
            labels=labels,
        )["Id"]

        # Attached before it starts: nothing that the supervisor says is missed.
        stream: Any = api.attach_socket(
            self._id, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        )
        self._attached = stream
        self._socket = getattr(stream, "_sock", stream)
        self._stream.setblocking(False)

        api.start(self._id)

    @property
    def container(self) -> str:
        """Its id."""
        return self._id

    def _unframed(self, data: bytes) -> bytes:
        """What whole frames hold: stream number, three zeros, length, then that many bytes."""
        self._buffer += data
        out, start = bytearray(), 0

        while len(self._buffer) - start >= 8:
            length = int.from_bytes(self._buffer[start + 4 : start + 8], "big")
            if len(self._buffer) - start - 8 < length:
                break

            body = self._buffer[start + 8 : start + 8 + length]
            if self._buffer[start] == 2:
                raise ConnectionLost(
                    f"the supervisor said: {body[:300].decode('utf-8', 'replace')}"
                )
            out += body
            start += 8 + length

        del self._buffer[:start]
        return bytes(out)

    def close(self) -> None:
        if self._socket is not None:
            # The supervisor leaves when its stream ends, also where the engine does not answer.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._attached.close()
            self._socket = None
        if self._name:
            _remove(self._client, self._name)
            self._name = self._id = ""
        self._client.close()


def docker_verifier(
    size: int | None = None,
    image: str | None = None,
    runtime: str | None = None,
    megabytes: int = MEGABYTES,
) -> Pooled:
    """The Docker verifier with `size` containers (default: one per core) of `megabytes` each.

    Without `image` the offline image is used, and built at the first use. `runtime` is one that the engine
    knows, such as `runsc`. Jobs that want more memory than a container has, less what its supervisor needs,
    are refused. Raises VerifierError when the engine or the image cannot be used.
    """
    if megabytes <= OWN_MEGABYTES:
        raise VerifierError(
            f"containers of more than {OWN_MEGABYTES} MiB were expected, not of {megabytes}"
        )

    if image is None:
        build()
    remove_orphans()
    name = image or tag()
    client = engine()
    try:
        with _explained(f"looking for the image {name}"):
            identity = client.images.get(name).id
    finally:
        client.close()

    first = DockerConnection(name, megabytes, runtime)
    called = f"docker[{runtime}]" if runtime else "docker"
    full = f"{called}({first.strength.removeprefix('container+')})"

    pool = Pool(
        lambda: DockerConnection(name, megabytes, runtime),
        size or os.cpu_count() or 1,
        first=first,
        megabytes=megabytes - OWN_MEGABYTES,
    )
    return Pooled(full, pool, Cache(f"{full} {identity}"))
