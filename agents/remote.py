"""Any OpenAI-compatible endpoint in a seat: retries, a rate limit, a budget. Standard library only.

What it does not give: token ids and log-probabilities (so nothing said here can be trained on), or the
same reply twice (a seed is sent; endpoints honour it as they like).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ..envs.errors import SparringError
from ..envs.types import Finish, PolicyRef, Reply
from .policy import FREE, ConstraintError, Key, QuotaError, Request, Response, Sampling
from .prompts import chat, split_thought

_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})


class RemoteError(SparringError, RuntimeError):
    """The endpoint refused a request, or did not answer in all its tries."""


class DriftError(SparringError, RuntimeError):
    """The endpoint has put another model behind the name: its games are no longer one entrant's."""


class BudgetError(SparringError, QuotaError):
    """The money set aside for this endpoint is spent."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to ask. `key_from` names the environment variable that holds the key, if any.

    Prices are per million tokens, `budget` in the same currency (None: no limit). `per_minute` bounds
    requests begun in a minute (0: no limit), `at_once` those under way.
    """

    url: str
    model: str
    key_from: str = "OPENAI_API_KEY"
    at_once: int = 8
    per_minute: int = 0
    tries: int = 5
    seconds: float = 60.0
    backoff_seconds: float = 1.0
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What an endpoint has used so far; `cost` in the currency of the prices."""

    requests: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


class Remote:
    """A policy that asks an endpoint's `/chat/completions`. Its key is read when asking and kept nowhere.

    `act` raises BudgetError before a request that the budget has no room for, and DriftError when the model
    that answers is no longer the one that answered first. A request that is refused or not answered has its
    RemoteError in the place of a reply. `streams`: a slow reply holds up no other game.
    """

    streams = True

    def __init__(self, endpoint: Endpoint, *, name: str = "", sampling: Sampling = FREE) -> None:
        self.endpoint = endpoint
        self.sampling = sampling
        self.spent = Spent()
        facts = (endpoint.url, endpoint.model, sampling)
        self.ref = PolicyRef(name or endpoint.model, sha256(repr(facts).encode()).hexdigest()[:16])
        self._begun: list[float] = []
        self._answering: str | None = None
        self._gate: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        gate = self._opened()
        asked = (self._reply(request, gate) for request in requests)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [_answer(answer) for answer in answers]

    def _opened(self) -> asyncio.Semaphore:
        """Who may ask at present, in this event loop."""
        loop = asyncio.get_running_loop()
        if self._gate is None or self._gate[0] is not loop:
            self._gate = loop, asyncio.Semaphore(self.endpoint.at_once)
        return self._gate[1]

    async def _reply(self, request: Request, gate: asyncio.Semaphore) -> Reply:
        async with gate:
            if self.endpoint.budget is not None and self.spent.cost >= self.endpoint.budget:
                raise BudgetError(
                    f"{self.ref.name} has spent {self.spent.cost:.4f} of its budget of {self.endpoint.budget}"
                )
            answer = await self._ask(self._body(request), request.key)
        return self._read(answer)

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling or self.sampling
        if sampling.constrained and request.choices:
            raise ConstraintError(
                f"{self.endpoint.url} cannot hold a reply to choices; ask it freely"
            )
        seed = int.from_bytes(sha256(repr(request.key).encode()).digest()[:4], "big") >> 1
        body = {
            "model": self.endpoint.model,
            "messages": chat(request.role, request.messages),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": seed,
        }
        return json.dumps(body).encode()

    async def _ask(self, body: bytes, key: Key) -> Mapping[str, Any]:
        """One answer; waits and asks again where that may help."""
        endpoint, reason = self.endpoint, ""
        for attempt in range(endpoint.tries):
            await self._turn()
            try:
                answer = await asyncio.to_thread(_post, endpoint, body)
            except urllib.error.HTTPError as fault:
                reason = f"HTTP {fault.code}{_hint(endpoint, fault)}"
                asked = fault.headers.get("Retry-After", "") if fault.headers else ""
                if fault.code not in _AGAIN:
                    raise RemoteError(
                        f"{endpoint.url} refused {endpoint.model}: {reason}"
                    ) from None
            except (OSError, ValueError) as fault:
                reason, asked = type(fault).__name__, ""
            else:
                self._count(answer)
                return answer
            if attempt + 1 < endpoint.tries:
                self.spent = replace(self.spent, retries=self.spent.retries + 1)
                await asyncio.sleep(_wait(endpoint, attempt, asked, key))
        raise RemoteError(
            f"{endpoint.url} did not answer in {endpoint.tries} tries; the last said {reason}"
        )

    async def _turn(self) -> None:
        """Wait until another request may begin in this minute."""
        while self.endpoint.per_minute:
            now = time.monotonic()
            self._begun = [begun for begun in self._begun if now - begun < 60]
            if len(self._begun) < self.endpoint.per_minute:
                self._begun.append(now)
                return
            await asyncio.sleep(60 - (now - self._begun[0]))

    def _count(self, answer: Mapping[str, Any]) -> None:
        usage: Mapping[str, Any] = answer.get("usage") or {}
        into, out = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        cost = (into * self.endpoint.price_in + out * self.endpoint.price_out) / 1e6
        before = self.spent
        self.spent = Spent(
            before.requests + 1,
            before.retries,
            before.tokens_in + into,
            before.tokens_out + out,
            before.cost + cost,
        )

    def _steady(self, answer: Mapping[str, Any]) -> None:
        """An alias such as `latest` may be pointed at another model between two requests."""
        now = str(answer.get("model") or self.endpoint.model)
        self._answering = self._answering or now
        if now != self._answering:
            raise DriftError(
                f"{self.endpoint.url} answered {self.endpoint.model} as {self._answering} and now as {now}; "
                "name the dated model, and rate each as an entrant of its own"
            )

    def _read(self, answer: Mapping[str, Any]) -> Reply:
        self._steady(answer)
        try:
            choice = answer["choices"][0]
            text = str(choice["message"].get("content") or "")
            hidden = str(choice["message"].get("reasoning_content") or "")
            finish: Finish = "length" if choice.get("finish_reason") == "length" else "stop"
        except (KeyError, IndexError, TypeError, AttributeError) as fault:
            raise RemoteError(
                f"{self.endpoint.url} answered in another form: {type(fault).__name__} {fault}"
            ) from None
        spoken = split_thought(text)
        return Reply(
            spoken.text, "\n".join(part for part in (hidden, spoken.thought) if part), finish=finish
        )


def _post(endpoint: Endpoint, body: bytes) -> Mapping[str, Any]:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(endpoint.key_from, ""):
        headers["Authorization"] = f"Bearer {key}"
    asked = urllib.request.Request(f"{endpoint.url.rstrip('/')}/chat/completions", body, headers)
    with urllib.request.urlopen(asked, timeout=endpoint.seconds) as answer:
        found = json.load(answer)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _answer(answer: Reply | BaseException) -> Response:
    """Faults that concern this request alone stand in its place."""
    if isinstance(answer, (Reply, RemoteError)):
        return answer
    raise answer


def _hint(endpoint: Endpoint, fault: urllib.error.HTTPError) -> str:
    """What the endpoint says of a refusal, and what to do where it is the key; never the key itself."""
    key = os.environ.get(endpoint.key_from, "")
    if fault.code in (401, 403):
        return (
            f"; ${endpoint.key_from} {'holds a key that it does not take' if key else 'is not set'}"
        )
    try:
        said = str(json.loads(fault.read(10_000))["error"]["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    shown = " ".join((said.replace(key, "(key)") if key else said).split())
    return f" ({shown[:200]})"


def _wait(endpoint: Endpoint, attempt: int, asked: str, key: Key) -> float:
    """Seconds before the next try: what the endpoint asks for, else doubling, spread by the key."""
    if asked.isdecimal():
        return float(asked)
    spread = sha256(f"{key}/{attempt}".encode()).digest()[0] / 255
    return endpoint.backoff_seconds * 2**attempt * (0.5 + spread / 2)
