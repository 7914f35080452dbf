"""What llm-sandbox and SWE-ReX do per snippet; run by benchmarks/sandbox.py in the interpreter that has them.

    python benchmarks/peers.py IMAGE PYTHON SECONDS

Prints one JSON object a line: a name, and either snippets per second with every call's milliseconds, or why
it could not run here. IMAGE is a local image with `python` and `mkdir`; PYTHON runs the snippet on the host.
"""

# pyright: basic, reportMissingImports=false
# (the peers are in an interpreter of their own, not in the one that is checked)
from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from importlib.metadata import version

PROGRAM = "def f(x): return x + 1\nprint(f(1))"


def said(name: str, **what: object) -> None:
    print(json.dumps({"name": name, **what}), flush=True)


def timed(once: Callable[[], str], seconds: float) -> dict[str, object]:
    """Calls one after another, each of which must print 2."""
    assert once().strip() == "2"
    times: list[float] = []
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        assert once().strip() == "2"
        times.append((time.monotonic() - began) * 1000)
    return {"rate": len(times) / seconds, "times": times}


def llm_sandbox(image: str, seconds: float) -> None:
    """A warm Docker session without network, its image taken as it is."""
    from llm_sandbox import SandboxSession

    session = SandboxSession(
        lang="python",
        image=image,
        keep_template=True,
        skip_environment_setup=True,
        workdir="/tmp",
        runtime_configs={"network_mode": "none"},
    )
    with session:
        outcome = timed(lambda: session.run(PROGRAM).stdout, seconds)
    said(f"llm-sandbox {version('llm-sandbox')}, warm", **outcome)


def swe_rex(python: str, seconds: float) -> None:
    """Its runtime on the host: no isolation, but what its server does for each command."""
    from swerex.deployment.local import LocalDeployment
    from swerex.runtime.abstract import Command

    loop = asyncio.new_event_loop()
    deployment = LocalDeployment()
    loop.run_until_complete(deployment.start())
    command = Command(command=[python, "-S", "-I", "-c", PROGRAM])
    try:
        outcome = timed(
            lambda: loop.run_until_complete(deployment.runtime.execute(command)).stdout, seconds
        )
    finally:
        loop.run_until_complete(deployment.stop())
    said(f"SWE-ReX {version('swe-rex')} execute, on the host, no protection", **outcome)


def swe_rex_docker(image: str) -> None:
    """Its Docker deployment talks to a server in the container over a published port."""
    import docker

    client = docker.from_env()
    if not client.networks.list(names=["bridge"]):
        raise RuntimeError(
            "it needs a port published by the bridge network, and this engine has no bridge"
        )
    if "swe-rex" not in (client.images.get(image).labels or {}):
        raise RuntimeError("it needs an image with swe-rex in it, or a network to install it from")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image", metavar="IMAGE", help="a local image with `python` and `mkdir`")
    parser.add_argument("python", metavar="PYTHON", help="runs the snippet on the host")
    parser.add_argument("seconds", metavar="SECONDS", type=float, help="per peer")
    given = parser.parse_args()
    image, python, seconds = given.image, given.python, given.seconds

    for name, run in (
        ("llm-sandbox", lambda: llm_sandbox(image, seconds)),
        ("SWE-ReX LocalDeployment", lambda: swe_rex(python, seconds)),
        ("SWE-ReX DockerDeployment", lambda: swe_rex_docker(image)),
    ):
        try:
            run()
        except Exception as fault:  # a peer may fail in any way; the line says which
            said(name, why=f"{type(fault).__name__}: {fault}".splitlines()[0][:200])


if __name__ == "__main__":
    main()
