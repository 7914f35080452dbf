"""Both executors, opened once a file; without an engine the Docker tests are skipped, or fail if required."""

import os
from collections.abc import Iterator

import pytest
from sparring.sandbox import VerifierError, open_verifier
from sparring.sandbox.pooled import Pooled


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


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def fresh(request: pytest.FixtureRequest) -> Iterator[tuple[str, Pooled]]:
    pool = opened(request.param)
    pool.cache = None
    yield request.param, pool
    pool.shut()
