"""Ctrl-C ends a program wherever it is pressed."""

import signal
import sys
import time

import pytest
from sparring.envs.errors import exit_code


@pytest.fixture(autouse=True)
def hook(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)


class Pressed:
    """Ctrl-C is pressed while it is collected, where Python reports and forgets it."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_in_a_callback_is_not_lost(capsys):
    def run():
        Pressed()
        time.sleep(20)
        return 0

    assert exit_code("x", run) == 130
    assert capsys.readouterr().err == "x: interrupted\n"


def test_other_faults_in_callbacks_are_told_as_before(capsys):
    class Broken:
        def __del__(self):
            raise ValueError("in a callback")

    def run():
        Broken()
        return 0

    assert exit_code("x", run) == 0
    assert "ValueError: in a callback" in capsys.readouterr().err
