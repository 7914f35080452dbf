from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from sparring.agents.chat_api import seconds_of
from sparring.agents.engines.available import engines
from sparring.agents.engines.hosts import Hosts
from sparring.agents.policy import Key, QuotaError, Request
from sparring.agents.remote import BudgetError, DriftError, Endpoint, Remote, RemoteError
from sparring.agents.seats import UnknownEntrantError, seat
from sparring.arenas.costs import Price, bills
from sparring.arenas.match import Match, play
from sparring.envs.registry import find
from sparring.envs.types import Message, Reply

SECRET = "sk-do-not-tell"


class Server(ThreadingHTTPServer):
    """An endpoint on this machine: answers as `script` says first, then with `reply`.

    A step of the script is a status (with `fault` as its body), a body, a status with a body and headers,
    or "cut" for one that breaks off in the middle of its answer.
    """

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Any] = []
        self.fault: Any = {"error": SECRET}
        self.reply: Any = said("<think>high</think>bet", usage=(10, 5))
        self.refuses: dict[str, Any] = {}
        self.together = threading.Barrier(1)
        self.seen: list[tuple[dict[str, Any], str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


def said(content: Any, *, usage: tuple[int, int] | None = None, **more: Any) -> dict[str, Any]:
    """A chat completion."""
    body: dict[str, Any] = {
        "choices": [{"message": {"content": content, **more}, "finish_reason": "stop"}]
    }
    if usage:
        body["usage"] = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True))
    return body


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((body, self.headers.get("Authorization")))
        self.server.together.wait(60)
        refused = next((name for name in self.server.refuses if name in body), None)
        if refused:
            self._send(400, {"error": self.server.refuses[refused]}, {})
            return
        step: Any = self.server.script.pop(0) if self.server.script else self.server.reply
        if isinstance(step, int):
            step = (step, self.server.fault, {})
        if isinstance(step, tuple):
            self._send(*step)
        else:
            self._send(200, step, {})

    def _send(self, status: int, body: Any, headers: dict[str, str]) -> None:
        data = json.dumps(self.server.reply if body == "cut" else body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if body == "cut" else data)
        self.close_connection = body == "cut"

    def do_GET(self) -> None:
        known = self.path == "/v1/models"
        models = {"data": [{"id": "gpt-4o-mini"}, {"id": "llama3.2:1b"}]}
        self._send(200 if known else 404, models if known else {}, {})

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
    server.script = [429, 503]
    policy = remote(server)
    assert act(policy, request())[0].text == "bet"
    assert (policy.spent.requests, policy.spent.retries, len(server.seen)) == (1, 2, 3)


def test_lasting_faults_end_in_one_line_without_the_key(server: Server) -> None:
    for statuses, said, tries in (
        ([401], "refused some-model: HTTP 401", 1),
        ([500] * 3, "in 3 tries", 3),
    ):
        server.script, server.seen = list(statuses), []
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
    server.script = [404]
    with pytest.raises(RemoteError, match=r"HTTP 404 \(no model some-model for \(key\)\)"):
        act(remote(server), request())
    server.script = [401]
    with pytest.raises(RemoteError, match="OPENAI_API_KEY holds a key that it does not take"):
        act(remote(server), request())
    monkeypatch.delenv("OPENAI_API_KEY")
    server.script = [401]
    with pytest.raises(RemoteError, match="OPENAI_API_KEY is not set"):
        act(remote(server), request())


def test_a_refused_request_ends_no_game_but_its_own(server: Server) -> None:
    server.script = [400]
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


def test_an_answer_that_breaks_off_is_asked_for_again_and_loses_nobody_elses(
    server: Server,
) -> None:
    server.script = ["cut", said("fold"), "cut", said("call")]
    found = asyncio.run(remote(server, at_once=1).act([request(n) for n in range(3)]))
    assert [answer.text for answer in found if isinstance(answer, Reply)] == ["fold", "call", "bet"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/v1", "Connection refused"),
        ("http://no-such-host.invalid/v1", "[Nn]ame"),
        ("http://", "it is no address"),
    ],
)
def test_what_keeps_a_connection_from_being_made_is_told_in_words(url: str, said: str) -> None:
    endpoint = Endpoint(url, "m", tries=1, backoff_seconds=0)
    with pytest.raises(RemoteError, match=said) as told:
        act(Remote(endpoint), request())
    assert "ssl" not in str(told.value)


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 524, 529])
def test_a_status_that_passes_is_waited_out(server: Server, status: int) -> None:
    server.script = [status]
    assert act(remote(server), request())[0].text == "bet"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"choices": None, "error": {"message": "overloaded", "code": 529}}, ""),
        ({"choices": None, "error": "no words"}, ""),
        ({"choices": None, "error": {"message": "no such model", "code": 404}}, "no such model"),
        (
            {"choices": None},
            r"another form: no choices\[0\]\.message with a text; it holds choices$",
        ),
        ({}, r"no choices\[0\]\.message with a text; it holds nothing$"),
        ({"choices": [{"message": {"content": 5}}]}, r"another form: no choices\[0\]"),
        ([], "another form"),
    ],
)
def test_an_error_told_as_a_success_is_an_error(server: Server, body: Any, told: str) -> None:
    """What may pass is asked again; what lasts is said in the endpoint's words."""
    server.script = [body]
    if told:
        with pytest.raises(RemoteError, match=told):
            act(remote(server), request())
    else:
        assert act(remote(server), request())[0].text == "bet"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {"detail": [{"loc": ["body", "messages"], "msg": "too short"}]},
            "body.messages: too short",
        ),
        ({"detail": "no chat here"}, "no chat here"),
        ({"message": "wrong place"}, "wrong place"),
        ({"error": {"type": "bad_thing"}}, "bad_thing"),
        ("plain words", "plain words"),
    ],
)
def test_a_refusal_in_any_form_gives_its_reason(server: Server, body: Any, told: str) -> None:
    server.script = [(422, body, {})]
    with pytest.raises(RemoteError, match=told):
        act(remote(server), request())


def test_settings_that_a_model_does_not_take_are_left_out_or_renamed_from_then_on(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuses = {
        "max_tokens": {
            "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "param": "max_tokens",
        },
        "temperature": {
            "message": "Unsupported value: 'temperature' does not support 0.7 with this model.",
            "param": "temperature",
        },
        "top_p": {"message": "body.top_p: Extra inputs are not permitted"},
        "seed": {"message": "Unrecognized request argument supplied: seed"},
    }
    policy = remote(server)
    act(policy, request(0), request(1))
    asked = len(server.seen)
    act(policy, request(2))
    assert len(server.seen) == asked + 1
    assert set(server.seen[-1][0]) == {"model", "messages", "max_completion_tokens"}
    assert caplog.text.count("takes no temperature: it plays with its own") == 1


def test_a_setting_out_of_range_is_refused_and_not_left_out(server: Server) -> None:
    server.refuses = {
        "temperature": {"message": "temperature must be at most 2", "param": "temperature"}
    }
    with pytest.raises(RemoteError, match="at most 2"):
        act(remote(server), request())


def test_content_in_parts_and_thoughts_under_any_name_are_read(server: Server) -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "be"},
        {"type": "text", "text": "t"},
    ]
    server.script = [
        said(parts),
        said("bet", reasoning="hm"),
        said("bet", reasoning_content="hm"),
        said("bet", reasoning="hm", reasoning_content="hm"),
    ]
    replies = act(remote(server, at_once=1), *[request(n) for n in range(4)])
    assert [(reply.text, reply.thought) for reply in replies] == [("bet", "hm")] * 4


@pytest.mark.parametrize("asked", ["0.01", "86400", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
def test_a_pause_that_is_asked_for_is_kept_within_bounds_and_said(
    server: Server, asked: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [(429, {}, {"Retry-After": asked})]
    act(remote(server, longest_pause_seconds=0.02), request())
    assert ("asks for a pause of 86400 s" in caplog.text) == (asked == "86400")


def test_retry_after_is_seconds_or_a_date() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert seconds_of("7", now) == 7
    assert seconds_of("1.5", now) == 1.5
    assert seconds_of("Tue, 01 Jan 2030 00:00:30 GMT", now) == 30
    assert seconds_of("Tue, 01 Jan 2019 00:00:30 GMT", now) == 0
    assert seconds_of("soon", now) is seconds_of("inf", now) is seconds_of("", now) is None


def test_as_many_requests_are_under_way_as_were_asked_for(server: Server) -> None:
    """The server answers none before all 200 have come."""
    server.together = threading.Barrier(200)
    assert len(act(remote(server, at_once=200), *[request(n) for n in range(200)])) == 200


def test_tokens_that_an_endpoint_counts_are_billed_to_the_seat(server: Server) -> None:
    game = find("kuhn-poker-v0")
    policy = remote(server)
    episode = asyncio.run(play(Match(game, dict.fromkeys(game.seats, policy), 0)))
    entrants = dict.fromkeys(game.seats, "q")
    found = bills(episode, entrants, {"q": Price(100.0, 100.0)}).of(game.seats)
    count = len(episode.turns)
    assert (found.tokens_in, found.tokens_out) == (10 * count, 5 * count)
    assert found.cost == pytest.approx(15 * count * 1e-4)


def test_a_budget_ends_where_an_endpoint_counts_no_tokens(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.reply = said("bet")
    policy = remote(server, price_in=1e6, budget=20.0, at_once=4)
    with pytest.raises(BudgetError, match="of its budget"):
        act(policy, *[request(n) for n in range(40)])
    assert 0 < policy.spent.estimated == policy.spent.requests < 40
    assert "counts no tokens" in caplog.text


def test_a_budget_ends_no_request_that_it_has_room_for(server: Server) -> None:
    """What was paid for is handed over: a fault of the budget stands in the place of its own reply."""
    policy = remote(server, price_in=1e6, budget=25.0, at_once=1)
    found = asyncio.run(policy.act([request(n) for n in range(5)]))
    assert [isinstance(answer, Reply) for answer in found] == [True] * 3 + [False] * 2


def test_one_policy_serves_one_event_loop_after_another(server: Server) -> None:
    policy = remote(server)
    assert [act(policy, request(n))[0].text for n in range(3)] == ["bet"] * 3


@pytest.mark.parametrize("name", ["gpt-4o-mini", "llama3.2:1b"])
def test_a_served_model_is_seated_by_whatever_name_its_server_has(
    server: Server, name: str
) -> None:
    with Hosts(server.url) as hosts:
        policy = seat(name, find("kuhn-poker-v0"), hosts=hosts)
        (reply,) = asyncio.run(policy.act([request()]))
    assert isinstance(reply, Reply)
    assert server.seen[0][0]["model"] == name


def test_a_model_that_a_server_does_not_have_names_the_nearest(server: Server) -> None:
    with (
        Hosts(server.url) as hosts,
        pytest.raises(UnknownEntrantError, match="did you mean gpt-4o-mini"),
    ):
        seat("gpt-4o-mimi", find("kuhn-poker-v0"), hosts=hosts)
