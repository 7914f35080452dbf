"""A vLLM server of our own: started as a child, watched until it answers, ended with its whole family."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from .available import on_gpu
from .policy import EngineError
from .vllm_settings import AS_SERVER, ON_CPU, flags, lora

_KEEPER = """
import os, signal, subprocess, sys, threading
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
signal.signal(signal.SIGTERM, lambda *_: None)
def watch():
    sys.stdin.buffer.read()
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
sys.exit(server.wait())
"""
"""Runs the server and holds a pipe to us: when that closes, however we ended, all of its group is killed."""


class Child:
    """`python -m vllm.entrypoints.openai.api_server` on a model's folder, on this machine's loopback only.

    `python` is the interpreter of vLLM's environment (None: this one). It is killed when closed or when this
    process ends in any way, and its log kept until then. Raises EngineError when it does not answer within
    `seconds`, with the log's end.
    """

    def __init__(
        self,
        folder: Path,
        *,
        python: str | None = None,
        port: int = 0,
        adapters: int = 4,
        rank: int = 16,
        context: int = 0,
        memory: float = 0.3,
        dtype: str = "auto",
        seconds: float = 600.0,
        more: Sequence[str] = (),
    ) -> None:
        self.port = port or _free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._log = tempfile.NamedTemporaryFile(prefix="vllm-", suffix=".log")  # noqa: SIM115 closed in close()

        command = [python or sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
        command += ["--model", str(folder), "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--dtype", dtype, "--gpu-memory-utilization", str(memory)]
        # log-probabilities of the distribution that was drawn from, and no settings of the
        # model's own file, which would change it unseen
        command += ["--logprobs-mode", "processed_logprobs", "--generation-config", "vllm"]
        command += ["--disable-uvicorn-access-log"]
        command += flags({} if on_gpu() else ON_CPU)
        command += flags(({"max_model_len": context} if context else {}) | lora(adapters, rank))

        # the keeper holds a pipe to us, and ends the server's whole group when it closes
        environment = {**AS_SERVER, **os.environ}
        # set by an engine in this process; a server runs its engine in a process of its own
        environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, *command, *more],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )

        try:
            self._await(seconds)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def kill(self) -> None:
        """End it and all its children at once, as a crash would."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Ask it to end, and kill what has not after a moment."""
        if self._process.poll() is None:
            # the whole group: the keeper ignores the signal, and ends when the server does
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._process.stdin:
            self._process.stdin.close()
        self._log.close()

    def _await(self, seconds: float) -> None:
        """Until it is healthy. Raises EngineError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise EngineError(
                    f"vLLM ended with code {self._process.returncode}: {self._tail()}"
                )
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.25)
        raise EngineError(f"vLLM did not answer within {seconds:.0f} s: {self._tail()}")

    def _tail(self) -> str:
        """The log's last lines that speak of an error, or its very last."""
        lines = Path(self._log.name).read_text(errors="replace").strip().splitlines()
        telling = [line for line in lines if "Error" in line] or lines
        return " | ".join(line.strip()[:200] for line in telling[-2:])


def _free_port() -> int:
    with socket.socket() as probe:
        # free now; another process may take it before the server does, which then fails
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
