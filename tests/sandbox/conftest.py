"""An executor of its own for each test."""

from collections.abc import Iterator

import pytest
from sparring.sandbox.pool.verifier import Pooled

from ..conftest import opened


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def fresh(request: pytest.FixtureRequest) -> Iterator[tuple[str, Pooled]]:
    pool = opened(request.param)
    pool.cache = None
    yield request.param, pool
    pool.shut()
