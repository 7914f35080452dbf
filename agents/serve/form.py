"""The chat completions that a server of ours reads and writes, in the form of OpenAI's API."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..policy import Sampling
from ..prompts import CLOSE, OPEN, Chat, escape

MOST_CHOICES = 64
MOST_LIKELIEST = 20
MOST_STOPS = 8
MOST_TOKENS = 1_000_000
DEFAULT_TOKENS = 256
"""Tokens of a reply where the request names no limit."""
_LEAST_LOGPROB = -9999.0
"""In the place of −∞, which JSON cannot write."""
_UNSUPPORTED = ("tools", "functions", "response_format", "logit_bias", "audio", "modalities")
_ZERO = ("frequency_penalty", "presence_penalty")


class Refused(Exception):
    """A request that cannot be answered: an HTTP status, a message, the field that is wrong, a code."""

    def __init__(self, status: int, message: str, param: str = "", code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code

    @property
    def body(self) -> dict[str, Any]:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {
            "error": {
                "message": self.message,
                "type": kind,
                "param": self.param or None,
                "code": self.code or None,
            }
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. `likeliest` is None where no log-probabilities are wanted."""

    model: str
    messages: Chat
    sampling: Sampling
    seed: int | None
    choices: int
    stops: tuple[str, ...]
    likeliest: int | None
    stream: bool
    usage: bool


def asked(body: bytes) -> Asked:
    """The request in a body. Raises Refused for what is none, or asks for what there is not."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise Refused(400, f"the body is no JSON ({type(fault).__name__})") from fault
    if not isinstance(found, dict):
        raise Refused(400, f"a JSON object was expected, {type(found).__name__} came")

    fields = {k: v for k, v in cast("dict[str, Any]", found).items() if v is not None}
    for name in _UNSUPPORTED:
        if fields.get(name) and fields[name] != {"type": "text"}:
            raise Refused(400, f"{name} is not supported here", name)
    for name in _ZERO:
        if fields.get(name):
            raise Refused(400, f"{name} must be 0 here", name)

    limit = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    sampling = Sampling(
        temperature=_number(fields, "temperature", 0.0, 100.0, 1.0),
        top_p=_number(fields, "top_p", 1e-6, 1.0, 1.0),
        max_tokens=_whole(fields, limit, 1, MOST_TOKENS, DEFAULT_TOKENS),
    )
    options = fields.get("stream_options", {})
    wants = _flag(fields, "logprobs")
    return Asked(
        model=_text(fields, "model"),
        messages=_messages(fields.get("messages")),
        sampling=sampling,
        seed=_whole(fields, "seed", -(2**63), 2**63 - 1, 0) if "seed" in fields else None,
        choices=_whole(fields, "n", 1, MOST_CHOICES, 1),
        stops=_stops(fields.get("stop", [])),
        likeliest=_whole(fields, "top_logprobs", 0, MOST_LIKELIEST, 0) if wants else None,
        stream=_flag(fields, "stream"),
        usage=isinstance(options, dict)
        and bool(cast("dict[str, Any]", options).get("include_usage")),
    )


def _messages(given: Any) -> Chat:
    """The messages as chat; text that could pass for a template's own words stays as it came."""
    if not isinstance(given, list) or not given:
        raise Refused(400, "messages must be a list with at least one message", "messages")

    chat: Chat = []
    for place, message in enumerate(cast("list[Any]", given)):
        param = f"messages[{place}]"
        if not isinstance(message, dict):
            raise Refused(400, f"{param} must be an object", param)
        fields = cast("dict[str, Any]", message)
        role = "system" if fields.get("role") == "developer" else fields.get("role")
        if role not in ("system", "user", "assistant"):
            raise Refused(
                400, f"{param}.role must be system, user or assistant, not {role!r}", param
            )
        chat.append({"role": role, "content": _content(fields.get("content"), param)})
    if chat[-1]["role"] != "user":
        raise Refused(400, "the last message must be the user's", "messages")
    return chat


def _content(given: Any, param: str) -> str:
    """A message's text: one, or a list of parts that are text."""
    if isinstance(given, str):
        return given
    parts: list[str] = []
    for part in cast("list[Any]", given) if isinstance(given, list) else [None]:
        text: Any = cast("dict[str, Any]", part).get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise Refused(400, f"{param}.content must be text", param)
        parts.append(text)
    return "".join(parts)


def escaped(chat: Chat, markers: Sequence[str]) -> Chat:
    """The chat with every marker of the template broken in its texts, so that no text ends a turn.

    As `prompts.chat` does: thoughts stay readable in the assistant's own messages and in the rules.
    """
    foreign = (*markers, OPEN, CLOSE)

    return [
        {
            "role": message["role"],
            "content": escape(
                message["content"], foreign if message["role"] == "user" else tuple(markers)
            ),
        }
        for message in chat
    ]


def _stops(given: Any) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given
    texts = cast("list[Any]", listed) if isinstance(listed, list) else [0]
    if len(texts) > MOST_STOPS or not all(isinstance(text, str) and text for text in texts):
        raise Refused(400, f"stop must be a text, or at most {MOST_STOPS} of them", "stop")
    return tuple(map(str, texts))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"{name} must be a text", name)
    return value


def _flag(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise Refused(400, f"{name} must be true or false, not {value!r}", name)
    return value


def _number(fields: Mapping[str, Any], name: str, least: float, most: float, usual: float) -> float:
    value: Any = fields.get(name, usual)
    fit = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fit or not least <= value <= most:  # NaN is in no range
        raise Refused(400, f"{name} must be from {least:g} to {most:g}, not {value!r}", name)
    return float(value)


def _whole(fields: Mapping[str, Any], name: str, least: int, most: int, usual: int) -> int:
    value: Any = fields.get(name, usual)
    if type(value) is not int or not least <= value <= most:
        raise Refused(
            400, f"{name} must be a whole number from {least} to {most}, not {value!r}", name
        )
    return value


def logprob(value: float) -> float:
    """A log-probability as JSON can write it."""
    return value if math.isfinite(value) else _LEAST_LOGPROB
