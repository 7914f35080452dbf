"""What holds for every test. Without an engine Docker's tests are skipped, or fail if one is required."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from sparring.sandbox import VerifierError, open_verifier
from sparring.sandbox.pool.verifier import Pooled

# A background job of a script ignores Ctrl-C, and so would what it starts: not here, where tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def opened(name: str, size: int = 2) -> Pooled:
    try:
        return open_verifier(name, size=size)
    except VerifierError as fault:
        if name == "docker" and os.environ.get("SPARRING_REQUIRE_DOCKER") != "1":
            pytest.skip(f"no engine: {fault}")
        raise


@pytest.fixture(scope="module", params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def verifier(request: pytest.FixtureRequest) -> Iterator[Pooled]:
    pool = opened(request.param)
    yield pool
    pool.shut()
