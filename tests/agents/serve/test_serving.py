"""A server from its start to its end: addresses, records of traffic, games, clients that leave."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

openai = pytest.importorskip("openai")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from sparring.agents.policy import Sampling  # noqa: E402
from sparring.agents.seats import UnknownEntrantError  # noqa: E402
from sparring.agents.serve import app, draws  # noqa: E402
from sparring.agents.serve.address import ServeError, bound  # noqa: E402
from sparring.agents.serve.record import Record, RecordError  # noqa: E402
from sparring.agents.serve.shelf import Shelf  # noqa: E402
from sparring.cli import main  # noqa: E402


def test_only_loopback_is_bound_without_a_token_and_a_taken_port_says_so():
    with pytest.raises(ServeError, match="open to other machines: name an environment variable"):
        bound("0.0.0.0", 0, "")
    with bound("0.0.0.0", 0, "token") as open_to_all:
        assert open_to_all.getsockname()[0] == "0.0.0.0"
    with bound("127.0.0.1", 0, "") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"port {port} of 127.0.0.1 is taken; choose another"):
            bound("127.0.0.1", port, "")
    with pytest.raises(ServeError, match="is no address of this machine"):
        bound("no.such.host.invalid", 0, "token")


def test_a_run_that_is_missing_a_taken_port_and_a_missing_token_are_one_line_each(capsys, tmp_path):
    assert main(["serve", "no-such-run", "--port", "0"]) == 2
    assert "no run 'no-such-run' with checkpoints" in capsys.readouterr().err
    assert main(["serve", "tiny", "--port", "0"]) == 2
    assert "the model 'tiny' is built for one game; say which" in capsys.readouterr().err
    with bound("127.0.0.1", 0, "") as taken:
        assert main(["serve", "tiny", "--port", str(taken.getsockname()[1])]) == 2
    assert "is taken; choose another with --port" in capsys.readouterr().err
    assert main(["serve", "tiny", "--token-from", "SPARRING_NO_SUCH"]) == 2
    assert "$SPARRING_NO_SUCH is not set or empty" in capsys.readouterr().err


def test_traffic_is_kept_as_samples_whose_log_probabilities_hold(
    serving, shelf, messages, tmp_path, tiny, plain_logprobs
):
    from sparring.envs.types import Reply

    said = []
    kept = Record(tmp_path / "traffic.jsonl", said.append)
    with serving(shelf, record=kept) as url:
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        for stream in (False, True):
            answer = client.chat.completions.create(
                model="tiny", messages=messages, max_tokens=5, seed=1, stream=stream
            )
            if stream:
                list(answer)
    kept.close()
    lines = [json.loads(line) for line in (tmp_path / "traffic.jsonl").read_text().splitlines()]
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert lines[0]["messages"] == messages
    reply = Reply(
        "", tokens=tuple(lines[0]["tokens"]), prompt_tokens=tuple(lines[0]["prompt_tokens"])
    )
    assert lines[0]["logprobs"] == pytest.approx(plain_logprobs(tiny, reply, Sampling()), abs=1e-4)
    assert not said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk here")
def test_a_full_disk_ends_the_record_in_one_line_and_not_the_server(serving, shelf, messages):
    said = []
    kept = Record(Path("/dev/full"), said.append)
    with serving(shelf, record=kept) as url:
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        for _ in range(3):
            answer = client.chat.completions.create(
                model="tiny", messages=messages, max_tokens=2, seed=1
            )
            assert answer.choices
    assert len(said) == 1
    assert "/dev/full: No space left on device" in said[0]
    assert "the server goes on" in said[0]


def test_a_record_that_cannot_be_written_is_told_at_once(tmp_path):
    with pytest.raises(RecordError, match="the traffic cannot be written there"):
        Record(tmp_path / "no" / "folder.jsonl", print)


def test_a_name_that_nothing_has_is_told_before_the_server_starts(runs, kuhn):
    for name in ("nobody", "poker@9"):
        with pytest.raises(UnknownEntrantError):
            Shelf([name], kuhn, runs=runs)


def test_games_are_played_over_it(url, capsys):
    players = ["--seat", "first=poker@1", "--seat", "second=lora@2"]
    assert main(["play", "kuhn-poker-v0", "--engine", url, *players, "--temperature", "0"]) == 0
    shown = capsys.readouterr().out
    assert "payoff: first" in shown


def test_a_client_that_leaves_ends_the_drawing_of_its_reply(shelf, url, messages, monkeypatch):
    cancelled = []

    class Watched(draws.Draw):
        def cancel(self):
            cancelled.append(self.finish)
            super().cancel()

    monkeypatch.setattr(app, "Draw", Watched)
    served = shelf.find("tiny")
    # nothing but its limit ends a reply, so that it is still drawn when the client leaves
    monkeypatch.setattr(served.dialect, "stops", frozenset())

    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    body = json.dumps(
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": "You hold the K."}],
            "max_tokens": 900,
            "n": 4,
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)
        while not served.batch.busy:
            threading.Event().wait(0.01)
    while served.batch.busy:
        threading.Event().wait(0.01)
    assert None in cancelled


@pytest.mark.parametrize("module", ["starlette", "uvicorn"])
def test_without_its_libraries_it_says_how_to_install_them(module):
    code = (
        "import sys; from importlib.abc import MetaPathFinder\n"
        "class Hide(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {module!r}: raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from sparring.cli import main; sys.exit(main(['serve', 'poker']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        f"sparring: `sparring serve` needs {module}, which is not installed: "
        "pip install 'sparring[serve]'\n"
    )


def test_the_command_serves_until_it_is_interrupted(runs):
    command = [sys.executable, "-m", "sparring", "serve", str(runs / "poker"), "--port", "0"]
    # a group of its own, since tests that run in the background ignore the signal
    server = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        said = server.stdout.readline()
        assert said.startswith("3 models at http://127.0.0.1:")
        assert said.endswith("Ctrl-C ends the server\n")
        url = said.split(" at ")[1].split(";")[0]
        with urllib.request.urlopen(f"{url}/models", timeout=60) as answer:
            assert len(json.loads(answer.read())["data"]) == 3
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=120)
    finally:
        server.kill()
    assert server.returncode == 130
    assert errors == "sparring: interrupted\n"
