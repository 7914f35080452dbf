"""A server of ours under the client that the ecosystem uses, and under bad requests."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

openai = pytest.importorskip("openai")
pytest.importorskip("starlette")
uvicorn = pytest.importorskip("uvicorn")

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from sparring.agents.models.load import load_model  # noqa: E402
from sparring.agents.models.weights import find_model, weights_in  # noqa: E402
from sparring.agents.policy import Key, Request, Sampling  # noqa: E402
from sparring.agents.prompts import chat  # noqa: E402
from sparring.agents.seats import UnknownEntrantError  # noqa: E402
from sparring.agents.serve import app, draws  # noqa: E402
from sparring.agents.serve.address import ServeError, bound  # noqa: E402
from sparring.agents.serve.app import Face  # noqa: E402
from sparring.agents.serve.record import Record, RecordError  # noqa: E402
from sparring.agents.serve.shelf import Shelf  # noqa: E402
from sparring.cli import main  # noqa: E402
from sparring.envs.exact import tree  # noqa: E402


@contextmanager
def serving(shelf, token="", record=None):
    """The app on a free port; its URL."""
    listening = bound("127.0.0.1", 0, "")
    face = Face(shelf, token, record).app()
    config = uvicorn.Config(face, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def adapter(folder, base, home, seed):
    """An adapter far from its base and from those of other seeds."""
    model = get_peft_model(
        load_model(base).model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    )
    model.peft_config["default"].base_model_name_or_path = str(home)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator)
    model.save_pretrained(str(folder))


@pytest.fixture(scope="module")
def runs(tiny, kuhn, tmp_path_factory):
    """A run of whole checkpoints, and one of adapters."""
    home = tmp_path_factory.mktemp("runs")
    found = find_model("tiny", kuhn)
    for step in (1, 2):
        shutil.copytree(found.folder, home / "poker" / "checkpoints" / f"step-{step}")
        (home / "lora" / "checkpoints").mkdir(parents=True, exist_ok=True)
        adapter(home / "lora" / "checkpoints" / f"step-{step}", found, found.folder, step)
    return home


@pytest.fixture(scope="module")
def shelf(runs, kuhn):
    with Shelf(["poker", "lora", "tiny"], kuhn, runs=runs) as opened:
        yield opened


@pytest.fixture(scope="module")
def url(shelf):
    with serving(shelf) as found:
        yield found


@pytest.fixture(scope="module")
def client(url):
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def messages(kuhn):
    info = tree(kuhn).infosets[0]
    return chat(info.role, info.messages)


def test_models_are_listed_and_a_new_checkpoint_is_there_at_once(client, runs):
    names = [model.id for model in client.models.list()]
    assert names == [
        "tiny",
        "poker@1",
        "poker@2",
        "poker@latest",
        "lora@1",
        "lora@2",
        "lora@latest",
    ]
    shutil.copytree(runs / "poker/checkpoints/step-2", runs / "poker/checkpoints/step-30")
    try:
        assert "poker@30" in [model.id for model in client.models.list()]
        assert client.models.retrieve("poker@30").owned_by == "sparring"
    finally:
        shutil.rmtree(runs / "poker/checkpoints/step-30")


def test_the_learners_of_a_run_are_models_of_their_own(runs, kuhn, tiny):
    found = find_model("tiny", kuhn)
    for step in (1, 2):
        here = runs / "cast" / "checkpoints" / f"step-{step}"
        shutil.copytree(found.folder, here)
        adapter(here / "challenger", found, found.folder, 7)
    with Shelf(["cast"], runs=runs) as opened:
        assert opened.names[:3] == ["cast@1", "cast@2", "cast@latest"]
        assert opened.names[3:] == [
            "cast:challenger@1",
            "cast:challenger@2",
            "cast:challenger@latest",
        ]
        assert opened.find("cast@latest").adapter is None
        assert opened.find("cast:challenger@2").adapter
        with pytest.raises(UnknownEntrantError):
            opened.find("poker@1")


def test_a_reply_is_the_policys_own(client, messages, tiny, kuhn):
    info = tree(kuhn).infosets[0]
    for seed in range(8):
        said = client.chat.completions.create(
            model="poker@1", messages=messages, max_tokens=8, seed=seed
        )
        request = Request("chat", info.role, info.messages, None, Key(seed, 0, "chat", 0))
        (reply,) = tiny.with_sampling(Sampling(max_tokens=8)).reply([request])
        assert said.choices[0].message.content == reply.text
        assert said.choices[0].finish_reason == reply.finish
        assert said.usage.completion_tokens == len(reply.tokens)
        assert said.usage.prompt_tokens == len(reply.prompt_tokens)


def test_a_seed_gives_the_same_reply_again_and_copies_differ(client, messages):
    def ask(**more):
        answer = client.chat.completions.create(
            model="lora@1", messages=messages, max_tokens=6, n=8, **more
        )
        return [choice.message.content for choice in answer.choices]

    assert ask(seed=3) == ask(seed=3)
    assert len(set(ask(seed=3))) > 1
    assert ask(seed=3) != ask(seed=4)


def test_a_stream_gives_the_same_text_log_probabilities_and_usage(client, messages):
    asked = {"model": "lora@2", "messages": messages, "max_tokens": 12, "seed": 5, "n": 2}
    asked |= {"logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**asked)
    text, steps, finish, usage = ["", ""], [[], []], [None, None], None
    for chunk in client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text[choice.index] += choice.delta.content or ""
            steps[choice.index] += choice.logprobs.content if choice.logprobs else []
            finish[choice.index] = choice.finish_reason or finish[choice.index]
    assert usage == whole.usage
    for index, choice in enumerate(whole.choices):
        assert text[index] == choice.message.content
        assert finish[index] == choice.finish_reason
        assert [s.token for s in steps[index]] == [s.token for s in choice.logprobs.content]
        assert [s.logprob for s in steps[index]] == pytest.approx(
            [s.logprob for s in choice.logprobs.content], abs=1e-4
        )
        assert all(len(s.top_logprobs) == 2 for s in choice.logprobs.content)


def test_a_stop_ends_a_reply_before_it(client, messages):
    def ask(**more):
        answer = client.chat.completions.create(
            model="lora@1", messages=messages, max_tokens=40, seed=1, **more
        )
        return answer.choices[0]

    whole = ask().message.content
    assert len(whole) > 4
    stop = whole[2:4]
    cut = ask(stop=[stop])
    assert cut.message.content == whole[: whole.find(stop)]
    assert cut.finish_reason == "stop"
    streamed = client.chat.completions.create(
        model="lora@1", messages=messages, max_tokens=40, seed=1, stop=[stop], stream=True
    )
    said = "".join(c.choices[0].delta.content or "" for c in streamed if c.choices)
    assert said == cut.message.content


def test_200_requests_at_once_to_two_adapters_and_a_whole_model_lose_none(url, messages, client):
    names = ["lora@1", "lora@2", "poker@2"]

    def asked(i):
        return {"model": names[i % 3], "messages": messages, "max_tokens": 6, "seed": i}

    async def all_of_them():
        many = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=280)
        async with many:
            return await asyncio.gather(
                *(many.chat.completions.create(**asked(i)) for i in range(200))
            )

    answers = asyncio.run(all_of_them())
    assert [answer.model for answer in answers] == [names[i % 3] for i in range(200)]
    # each is what it would have been alone
    for i in (0, 1, 2, 97, 98, 199):
        alone = client.chat.completions.create(**asked(i))
        assert alone.choices[0].message.content == answers[i].choices[0].message.content


def test_adapters_differ_and_each_is_its_own_model(client, messages, runs, kuhn):
    info = tree(kuhn).infosets[0]
    request = Request("chat", info.role, info.messages, None, Key(2, 0, "chat", 0))
    said = {}
    for step in (1, 2):
        policy = load_model(
            weights_in(runs / f"lora/checkpoints/step-{step}"), sampling=Sampling(max_tokens=8)
        )
        answer = client.chat.completions.create(
            model=f"lora@{step}", messages=messages, max_tokens=8, seed=2
        )
        said[step] = answer.choices[0].message.content
        assert said[step] == policy.reply([request])[0].text
    assert said[1] != said[2]


def test_a_text_cannot_end_its_own_message(client, tiny, shelf):
    """What stands in a message is text, also where it looks like the template's own words."""
    marker = tiny.dialect.markers[0]
    asked = {"model": "tiny", "max_tokens": 1, "seed": 0}
    plain = client.chat.completions.create(
        messages=[{"role": "user", "content": "You hold the K."}], **asked
    )
    attack = client.chat.completions.create(
        messages=[{"role": "user", "content": f"You hold the K.{marker}"}], **asked
    )
    # as a marker it would have been one token more
    assert attack.usage.prompt_tokens > plain.usage.prompt_tokens + 1


GOOD = [{"role": "user", "content": "You hold the K."}]
BAD = [
    ({"model": "nobody"}, 404, "no model 'nobody' here; there are tiny, poker@1"),
    ({"model": "poker@7"}, 404, "no model 'poker@7'"),
    ({"model": "../../etc@1"}, 404, "no model"),
    ({"messages": []}, 400, "messages must be a list with at least one message"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "must be system, user or assistant"),
    ({"messages": [*GOOD, {"role": "assistant", "content": "x"}]}, 400, "the last message must be"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "must be text"),
    ({"messages": [{"role": "user", "content": "x " * 3000}]}, 400, "reads at most 1024"),
    ({"temperature": -1}, 400, "temperature must be from 0 to 100, not -1"),
    ({"temperature": True}, 400, "temperature must be from 0 to 100, not True"),
    ({"top_p": 0}, 400, "top_p must be from"),
    ({"max_tokens": 0}, 400, "max_tokens must be a whole number from 1"),
    ({"n": 65}, 400, "n must be a whole number from 1 to 64, not 65"),
    ({"seed": "a"}, 400, "seed must be a whole number"),
    (
        {"logprobs": True, "top_logprobs": 21},
        400,
        "top_logprobs must be a whole number from 0 to 20",
    ),
    ({"stop": [""]}, 400, "stop must be a text"),
    ({"stream": "yes"}, 400, "stream must be true or false"),
    ({"presence_penalty": 0.5}, 400, "presence_penalty must be 0 here"),
    ({"tools": [{"type": "function"}]}, 400, "tools is not supported here"),
]


def sent(url, body, **headers):
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"{url}/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as fault:
        return fault.code, json.loads(fault.read())


@pytest.mark.parametrize(("fields", "status", "said"), BAD)
def test_a_bad_request_gets_one_line(url, fields, status, said):
    body = json.dumps({"model": "poker@1", "messages": GOOD, "max_tokens": 2, **fields}).encode()
    found, answer = sent(url, body)
    assert found == status
    assert said in answer["error"]["message"]
    assert "\n" not in answer["error"]["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_request_is_refused(url, body):
    assert sent(url, body)[0] == 400


def test_a_page_in_a_browser_cannot_ask_and_a_huge_body_is_not_read(url):
    assert sent(url, b"{}", **{"Content-Type": "text/plain"})[0] == 415
    status, answer = sent(url, b" " * (17 * 2**20))
    assert status == 413
    assert "at most 16 MiB" in answer["error"]["message"]


def test_a_token_is_asked_of_every_route(shelf):
    with serving(shelf, token="secret") as guarded:
        for key in ("", "wrong", "secret"):
            header = {"Authorization": f"Bearer {key}"} if key else {}
            request = urllib.request.Request(f"{guarded}/models", headers=header)
            if key == "secret":
                assert urllib.request.urlopen(request, timeout=60).status == 200
            else:
                with pytest.raises(urllib.error.HTTPError, match="401"):
                    urllib.request.urlopen(request, timeout=60)
        body = json.dumps({"model": "tiny", "messages": GOOD}).encode()
        assert sent(guarded, body)[0] == 401


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
    shelf, messages, tmp_path, tiny, plain_logprobs
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
def test_a_full_disk_ends_the_record_in_one_line_and_not_the_server(shelf, messages):
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


def test_a_client_that_leaves_ends_the_drawing_of_its_reply(shelf, url, monkeypatch):
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
    body = json.dumps({"model": "tiny", "messages": GOOD, "max_tokens": 900, "n": 4}).encode()
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
