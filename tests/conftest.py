"""What holds for every test. Without an engine Docker's tests are skipped, or fail if one is required."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from sparring.sandbox import VerifierError, open_verifier
from sparring.sandbox.pool.verifier import Pooled

# A background job of a script ignores Ctrl-C, and so would what it starts: not here, where tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

BROWSER_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a window; tests are skipped without it, or fail if one is required."""
    program = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    driver = shutil.which("chromedriver")
    required = os.environ.get("SPARRING_REQUIRE_BROWSER") == "1"
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        if required:
            raise
        pytest.skip("selenium is not installed (pip install sparring[dev])")
    if not (program and driver):
        assert not required, (
            "SPARRING_REQUIRE_BROWSER=1, but chromium or chromedriver is not on PATH"
        )
        pytest.skip("no browser: chromium and chromedriver are not both on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in BROWSER_FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=Service(driver))
    yield window
    window.quit()
