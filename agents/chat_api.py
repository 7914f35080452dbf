"""The chat completions that OpenAI-compatible endpoints speak, with the ways in which they differ."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from ..envs.types import Finish
from .policy import Sampling
from .prompts import Chat

# faults that a second try may not meet: timeout, conflict, too early, rate limit
_PASSING = frozenset({408, 409, 425, 429})
# faults of a server that no second try mends: not implemented, HTTP version
_LASTING = frozenset({501, 505})
_THINKING = "chat_template_kwargs"
_SETTINGS = ("temperature", "top_p", "seed", "max_tokens", _THINKING)
_REFUSED = re.compile(
    r"unsupported|not support|unrecogni|unknown|unexpected|extra|not permitted|not allowed", re.I
)
_CHARACTERS = 3
"""Characters a token where an endpoint does not count: English has about 4, other text fewer."""


class FormError(ValueError):
    """An answer that is no chat completion."""


class Refusal(NamedTuple):
    """Why there is no completion: an HTTP status, what was said, the setting that it names.

    Status 0 is an error that came as a success.

    `transport`: no answer came at all.
    """

    status: int
    said: str
    setting: str = ""
    transport: bool = False

    @property
    def passing(self) -> bool:
        """Whether the same request may be answered later: all faults of the server itself may."""
        server = self.status >= 500 and self.status not in _LASTING
        return server or self.status in _PASSING or self.status == 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What was said, what was thought before it, and the tokens that the endpoint counted, if it did."""

    text: str
    thought: str
    finish: Finish
    model: str
    used: tuple[int, int] | None


class Form:
    """The form of requests that one endpoint takes: learned from what it refuses."""

    def __init__(self) -> None:
        self._left_out: set[str] = set()
        self._limit = "max_tokens"

    def body(
        self,
        model: str,
        messages: Chat,
        sampling: Sampling,
        seed: int,
        *,
        by_template: bool = False,
    ) -> dict[str, Any]:
        """A request, with the settings that the endpoint takes.

        `by_template` asks for the thinking mode of the model's own template, as vLLM and SGLang take it.
        """
        settings: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
            self._limit: sampling.max_tokens,
        }
        if by_template:
            settings[_THINKING] = {"enable_thinking": True}
        taken = {name: value for name, value in settings.items() if name not in self._left_out}
        return {"model": model, "messages": messages, **taken}

    def learn(self, refusal: Refusal, body: Mapping[str, Any]) -> str | None:
        """Take other settings after `body` was refused: what changed, or None where nothing helps.

        Requests that were under way together learn the same, each for itself.
        """
        # a setting that was not sent cannot be what was wrong: leaving it out would
        # ask the same again
        name = _refused_setting(refusal)
        if refusal.status not in (400, 422) or name is None or name not in body:
            return None

        # renamed and never left out: the budget counts on a limit to every reply
        if name == "max_tokens":
            self._limit = "max_completion_tokens"
            return "takes max_completion_tokens in place of max_tokens"

        self._left_out.add(name)
        return f"takes no {name}: it plays with its own"


def _refused_setting(refusal: Refusal) -> str | None:
    """The setting that an endpoint does not know or cannot change; None where it refused something else."""
    if not _REFUSED.search(refusal.said):
        return None
    if refusal.setting in _SETTINGS:
        return refusal.setting

    named = re.search(rf"\b({'|'.join(_SETTINGS)})\b", refusal.said)
    return named[1] if named else None


def refusal(status: int, body: bytes) -> Refusal:
    """What an answer with an HTTP error says, in whichever form it says it."""
    try:
        return _refusal(status, json.loads(body))
    except (ValueError, RecursionError):
        # an HTML page comes from a proxy on the way and does not fit into one line
        said = body.decode(errors="replace")
        return Refusal(status, "" if "<" in said[:50] else _line(said))


def _refusal(status: int, data: Any) -> Refusal:
    fault = data
    if isinstance(data, dict):
        found = cast("dict[str, Any]", data)
        fault = next((found[k] for k in ("error", "detail", "message") if found.get(k)), None)

    if isinstance(fault, list) and fault and isinstance(fault[0], dict):  # FastAPI's, one a field
        first = cast("dict[str, Any]", fault[0])
        place = [str(part) for part in first.get("loc") or ()]
        said = f"{'.'.join(place)}: {first.get('msg', '')}".strip(": ")
        return Refusal(status, _line(said), place[-1] if place else "")
    if isinstance(fault, dict):
        known = cast("dict[str, Any]", fault)
        # an error that came with status 200 may tell its real status as `code`
        code = known.get("code")
        number = code if not status and isinstance(code, int) else status
        said = known.get("message") or known.get("detail") or known.get("type") or ""
        return Refusal(number, _line(str(said)), str(known.get("param") or ""))
    return Refusal(status, _line(str(fault)) if isinstance(fault, str) else "")


def completion(body: bytes) -> Completion | Refusal:
    """The completion of an answer, or the refusal that some send with status 200. Raises FormError."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise FormError(f"no JSON ({type(fault).__name__})") from None
    if not isinstance(data, dict):
        raise FormError(f"{type(data).__name__} in place of an object")

    found = cast("dict[str, Any]", data)
    choices: Any = found.get("choices")
    if not choices and found.get("error"):
        return _refusal(0, found)
    try:
        choice: Any = choices[0]
        message = choice["message"]
        text, thought = _parted(message.get("content"))
        hidden = message.get("reasoning") or message.get("reasoning_content") or ""
        cut = choice.get("finish_reason") in ("length", "max_tokens")
    except (KeyError, IndexError, TypeError, AttributeError):
        held = ", ".join(sorted(found)) or "nothing"
        raise FormError(f"no choices[0].message with a text; it holds {held}") from None

    # some send the same thought twice, as a field and as a part: it is kept once
    thoughts = [part for part in (str(hidden), thought) if part]
    return Completion(
        # a refusal of the model stands in a field of its own, with empty content
        text or str(message.get("refusal") or ""),
        "\n".join(dict.fromkeys(thoughts)),
        "length" if cut else "stop",
        str(found.get("model") or ""),
        _used(found.get("usage")),
    )


def _parted(content: Any) -> tuple[str, str]:
    """Text and thought of a message's content: a text, or a list of parts that say what they are."""
    if content is None or isinstance(content, str):
        return content or "", ""

    said: list[str] = []
    thought: list[str] = []
    for part in content:
        if isinstance(part, str):
            said.append(part)
            continue

        # a part holds its text under the name of its kind or under `text`, and a thought
        # may be a list of parts again
        kind = str(part.get("type", "text"))
        hidden = kind in ("thinking", "reasoning")
        inner = part.get(kind) if hidden and part.get(kind) is not None else part.get("text")
        (thought if hidden else said).append("".join(_parted(inner)))
    return "".join(said), "".join(thought)


def _used(usage: Any) -> tuple[int, int] | None:
    """Tokens read and written, where the endpoint counted them."""
    if not isinstance(usage, dict):
        return None
    counts = cast("dict[str, Any]", usage)

    # the names of the chat API, then those of the responses API
    into = counts.get("prompt_tokens", counts.get("input_tokens"))
    out = counts.get("completion_tokens", counts.get("output_tokens"))
    if not (isinstance(into, int) and isinstance(out, int)) or into < 0 or out < 0:
        return None
    return into, out


def estimated(text: str) -> int:
    """About how many tokens a text has, for endpoints that do not say."""
    return -(-len(text) // _CHARACTERS)


def seconds_of(retry_after: str, now: datetime | None = None) -> float | None:
    """The seconds that a `Retry-After` asks for, given as seconds or as a date; None for anything else."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            then = email.utils.parsedate_to_datetime(retry_after)
        except (ValueError, TypeError, IndexError):
            return None
        # HTTP dates are in GMT; the parser leaves some without a zone
        then = then if then.tzinfo else then.replace(tzinfo=UTC)
        seconds = (then - (now or datetime.now(UTC))).total_seconds()
    # a date may lie in the past, and `inf` and `nan` are floats but no pauses
    return max(0.0, seconds) if seconds < float("inf") else None


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
