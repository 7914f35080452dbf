from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sparring.agents.engines.available import engines
from sparring.agents.policy import Key, QuotaError, Request
from sparring.agents.remote import DriftError, Endpoint, Remote, RemoteError
from sparring.envs.types import Message, Reply

SECRET = "sk-do-not-tell"


class Server(ThreadingHTTPServer):
    """An endpoint on this machine: answers with `statuses` first, then with `reply`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.fault: Any = {"error": SECRET}
        self.reply: Any = {
            "choices": [
                {"message": {"content": "<think>high</think>bet"}, "finish_reason": "stop"}
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        }
        self.seen: list[tuple[dict[str, Any], str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((body, self.headers.get("Authorization")))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        answer = json.dumps(self.server.reply if status == 200 else self.server.fault).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server: Server, **settings: Any) -> Remote:
    return Remote(Endpoint(server.url, "some-model", backoff_seconds=0.001, **settings))


def request(seed: int = 0) -> Request:
    view = (Message("system", "rules"), Message("game", "J"))
    return Request("first", "first", view, ("check", "bet"), Key(seed, 0, "first", 0))


def act(policy: Remote, *requests: Request) -> list[Any]:
    """The answers; a fault in the place of one is raised."""
    answers = list(asyncio.run(policy.act(requests)))
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def test_the_endpoint_gets_the_chat_and_its_thought_stays_hidden(server: Server) -> None:
    (reply,) = act(remote(server), request())
    body, authorization = server.seen[0]
    assert body["messages"] == [
        {"role": "system", "content": "Role: first\n\nrules"},
        {"role": "user", "content": "J"},
    ]
    assert authorization == f"Bearer {SECRET}"
    assert (reply.text, reply.thought, reply.tokens) == ("bet", "high", ())


def test_equal_keys_send_equal_seeds_and_others_do_not(server: Server) -> None:
    act(remote(server, at_once=1), request(1), request(1), request(2))
    first, again, other = (body["seed"] for body, _ in server.seen)
    assert first == again != other


def test_passing_faults_are_tried_again_and_counted(server: Server) -> None:
    server.statuses = [429, 503]
    policy = remote(server)
    assert act(policy, request())[0].text == "bet"
    assert (policy.spent.requests, policy.spent.retries, len(server.seen)) == (1, 2, 3)


def test_lasting_faults_end_in_one_line_without_the_key(server: Server) -> None:
    for statuses, said, tries in (
        ([401], "refused some-model: HTTP 401", 1),
        ([500] * 3, "in 3 tries", 3),
    ):
        server.statuses, server.seen = list(statuses), []
        with pytest.raises(RemoteError, match=said) as fault:
            act(remote(server, tries=3), request())
        assert len(server.seen) == tries
        assert SECRET not in str(fault.value)
    server.reply = {"choices": []}
    with pytest.raises(RemoteError, match="another form"):
        act(remote(server), request())


def test_a_refusal_says_why_and_what_to_do_and_never_the_key(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fault = {"error": {"message": f"no model some-model\nfor {SECRET}"}}
    server.statuses = [404]
    with pytest.raises(RemoteError, match=r"HTTP 404 \(no model some-model for \(key\)\)"):
        act(remote(server), request())
    server.statuses = [401]
    with pytest.raises(RemoteError, match="OPENAI_API_KEY holds a key that it does not take"):
        act(remote(server), request())
    monkeypatch.delenv("OPENAI_API_KEY")
    server.statuses = [401]
    with pytest.raises(RemoteError, match="OPENAI_API_KEY is not set"):
        act(remote(server), request())


def test_a_refused_request_ends_no_game_but_its_own(server: Server) -> None:
    server.statuses = [400]
    found = asyncio.run(remote(server, at_once=1).act([request(0), request(1)]))
    assert isinstance(found[0], RemoteError)
    assert isinstance(found[1], Reply)


def test_money_is_counted_and_the_budget_is_an_end_of_quota(server: Server) -> None:
    policy = remote(server, price_in=1e6, price_out=2e6, budget=30.0, at_once=1)
    with pytest.raises(QuotaError, match=r"spent 40\.0000 of its budget of 30"):
        act(policy, request(0), request(1), request(2))
    assert (policy.spent.cost, policy.spent.tokens_in, len(server.seen)) == (40.0, 20, 2)


def test_the_doctor_says_what_is_missing_and_never_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    found = {engine.name: engine for engine in engines()}
    assert found["transformers"].ready
    assert found["scripted"].ready
    assert all(engine.ready or "install" in engine.detail for engine in found.values())
    assert SECRET not in repr(found)


def test_another_model_behind_the_name_ends_the_entrant(server: Server) -> None:
    policy = remote(server)
    server.reply = {**server.reply, "model": "some-model-2026-01"}
    act(policy, request())
    server.reply = {**server.reply, "model": "some-model-2026-09"}
    with pytest.raises(DriftError, match="some-model-2026-01 and now as some-model-2026-09"):
        act(policy, request(1))
