"""A server of ours under bad requests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

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


def test_a_page_in_a_browser_cannot_ask(url):
    assert sent(url, b"{}", **{"Content-Type": "text/plain"})[0] == 415


@pytest.mark.parametrize("megabytes", [17, 40])
def test_a_client_whose_body_is_too_large_hears_why(url, megabytes):
    """It is still sending when the limit is passed: a connection closed by then would drop the answer."""
    status, answer = sent(url, b" " * (megabytes * 2**20))
    assert status == 413
    assert "at most 16 MiB" in answer["error"]["message"]


def test_of_an_endless_body_no_more_is_read_than_four_times_the_limit(url):
    """The answer may be lost there, since the connection is closed."""

    given = []

    def endless():
        for megabyte in range(200):
            given.append(megabyte)
            yield b" " * 2**20

    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/chat/completions", endless(), headers)
    with pytest.raises(OSError):  # noqa: PT011 - an HTTPError of 413, or the connection is reset
        urllib.request.urlopen(request, timeout=60)
    assert 60 < len(given) < 150


def test_a_token_is_asked_of_every_route(serving, shelf):
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
