"""Any OpenAI-compatible endpoint in a seat: retries, a rate limit, a budget.

What it does not give: token ids and log-probabilities (so nothing said here can be trained on), or the
same reply twice (a seed is sent; endpoints honour it as they like).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

from ..envs.errors import SparringError
from ..envs.seeds import bits
from ..envs.types import PolicyRef, Reply
from .chat_api import (
    Completion,
    Form,
    FormError,
    Refusal,
    completion,
    estimated,
    refusal,
    seconds_of,
)
from .http import Client, Unanswered
from .policy import FREE, ConstraintError, Key, QuotaError, Request, Response, Sampling
from .prompts import CLOSE, OPEN, Chat, split_thought
from .thinking import OFF, Thinking

_log = logging.getLogger(__name__)
_SETTINGS = 4
"""Settings that an endpoint may refuse one after the other before a request is given up."""


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
    requests begun in a minute (0: no limit), `at_once` those under way. An endpoint that asks for a pause
    gets one of at most `longest_pause_seconds`.
    """

    url: str
    model: str
    key_from: str = "OPENAI_API_KEY"
    at_once: int = 64
    per_minute: int = 0
    tries: int = 5
    seconds: float = 60.0
    backoff_seconds: float = 1.0
    longest_pause_seconds: float = 120.0
    price_in: float = 0.0
    price_out: float = 0.0
    budget: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What an endpoint has used so far; `cost` in the currency of the prices.

    `estimated` counts answers without a usage, whose tokens are guessed from the length of their texts.
    """

    requests: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    estimated: int = 0


class Remote:
    """A policy that asks an endpoint's `/chat/completions`. Its key is read when asking and kept nowhere.

    Each request's fault stands in the place of its reply: RemoteError where the endpoint refused or did
    not answer, BudgetError where the budget has no room, DriftError when another model answers than
    answered first. `streams`: a slow reply holds up no other game.
    """

    streams = True

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        name: str = "",
        sampling: Sampling = FREE,
        thinking: Thinking = OFF,
    ) -> None:
        self.endpoint = endpoint
        self.sampling = sampling
        self.thinking = thinking
        self.spent = Spent()

        # the key, prices and limits are left out: they change no reply
        facts = (endpoint.url, endpoint.model, sampling, *([thinking] if thinking.on else []))
        facts += (thinking.prompts,) if thinking.prompts else ()
        facts += thinking.roles
        self.ref = PolicyRef(name or endpoint.model, sha256(repr(facts).encode()).hexdigest()[:16])

        self._url = f"{endpoint.url.rstrip('/')}/chat/completions"
        self._client = Client(endpoint.at_once)
        self._form = Form()
        self._begun: list[float] = []
        self._reserved = 0.0  # of the budget, for requests under way
        self._answering: str | None = None
        # warnings that were given: each is given once, not once a request
        self._told: set[str] = set()
        self._gate: _Gate | None = None

    def chat(self, request: Request) -> Chat:
        """The messages that the endpoint is sent."""
        return self.thinking.of(request.role).chat(request.role, request.messages)

    def written(self, request: Request) -> str:
        """The chat as it is sent."""
        return json.dumps(self.chat(request), indent=1, ensure_ascii=False)

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        # a fault stays with its own request and cancels no other
        gate = self._opened()
        asked = (self._reply(request, gate) for request in requests)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [_response(answer) for answer in answers]

    def _opened(self) -> _Gate:
        """Who may ask at present, in this event loop."""
        loop = asyncio.get_running_loop()
        # semaphores work only in the loop that made them, and a policy serves several
        if self._gate is None or self._gate.loop is not loop:
            self._gate = _Gate(loop, asyncio.Semaphore(self.endpoint.at_once), asyncio.Condition())
        return self._gate

    async def _reply(self, request: Request, gate: _Gate) -> Reply:
        sampling = request.sampling or self.sampling
        if sampling.constrained and request.choices:
            raise ConstraintError(
                f"{self.endpoint.url} cannot hold a reply to choices; ask it freely"
            )
        thinking = self.thinking.of(request.role)
        messages = self.chat(request)
        if thinking.on:
            # an endpoint counts a thought and its answer together
            sampling = replace(sampling, max_tokens=sampling.max_tokens + thinking.tokens)
        # an endpoint counts tokens only afterwards, and the budget is checked before
        size = estimated("".join(message["content"] for message in messages))

        async with gate.free, self._afforded(self._cost(size, sampling.max_tokens), gate):
            by_template = thinking.mode == "template"
            found = await self._ask(messages, sampling, request.key, by_template=by_template)
            used = found.used or (size, estimated(found.thought + found.text))
            # counted before the reservation is given back: otherwise a request that waits
            # would see money that is gone
            self._count(used, known=found.used is not None)

        # after the count: the tokens were paid for, whichever model answered
        self._check_model(found.model)
        spoken = split_thought(found.text)
        thoughts = [part for part in (found.thought, spoken.thought) if part]
        thought = "\n".join(thoughts)
        memory = f"{OPEN}{thought}{CLOSE}{spoken.text}" if thought and thinking.keep else None
        return Reply(spoken.text, thought, finish=found.finish, memory=memory, used=used)

    @asynccontextmanager
    async def _afforded(self, most: float, gate: _Gate) -> AsyncGenerator[None]:
        """Room in the budget for a request that costs `most` at most. Raises BudgetError.

        While requests under way may use up what is left, further ones wait for them.
        """
        budget = self.endpoint.budget
        if budget is None:
            yield
            return

        async with gate.changed:
            # `most` is not in the condition: a request begins while anything is left, so
            # the budget is passed by about one request at most
            while self.spent.cost < budget <= self.spent.cost + self._reserved:
                await gate.changed.wait()

            if self.spent.cost >= budget:
                raise BudgetError(
                    f"{self.ref.name} has spent {self.spent.cost:.4f} of its budget of {budget}"
                )
            self._reserved += most

        try:
            yield
        finally:
            async with gate.changed:
                self._reserved -= most
                gate.changed.notify_all()

    async def _ask(
        self, messages: Chat, sampling: Sampling, key: Key, *, by_template: bool
    ) -> Completion:
        """One completion; waits and asks again where that may help. Raises RemoteError."""
        endpoint, reason = self.endpoint, ""
        # 31 bits fit a signed 32-bit field; every try sends the same seed
        seed = bits(repr(key), 31)

        # a changed setting is no try: an endpoint may refuse four before it answers
        tries = changes = 0
        while tries < endpoint.tries:
            # built anew each time: another request may have learned what is refused
            body = self._form.body(
                endpoint.model,
                messages,
                sampling,
                seed,
                by_template=by_template,
            )
            await self._turn()
            found, pause = await self._once(body)
            if isinstance(found, Completion):
                return found

            changed = self._form.learn(found, body) if changes < _SETTINGS else None
            if changed:
                changes += 1
                self._tell(f"{endpoint.model} {changed}")
                continue
            reason = self._words(found)
            if not found.passing:
                raise RemoteError(f"{endpoint.url} refused {endpoint.model}: {reason}")

            tries += 1
            if tries < endpoint.tries:
                self.spent = replace(self.spent, retries=self.spent.retries + 1)
                await asyncio.sleep(self._pause(tries - 1, pause, key))

        raise RemoteError(
            f"{endpoint.url} did not answer in {endpoint.tries} tries; the last said {reason}"
        )

    async def _once(self, body: dict[str, object]) -> tuple[Completion | Refusal, str]:
        """One request: its completion or why there is none, and the pause that was asked for."""
        # read for every request, so that it is in no object that may be logged
        key = os.environ.get(self.endpoint.key_from, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            answer = await self._client.ask(
                self._url, body, seconds=self.endpoint.seconds, headers=headers
            )
        except Unanswered as fault:
            return Refusal(400 if fault.lasting else 503, str(fault), transport=True), ""

        if answer.status != 200:
            return refusal(answer.status, answer.body), answer.retry_after

        try:
            return completion(answer.body), answer.retry_after
        except FormError as fault:
            # another form comes from another kind of server: no second try changes it
            raise RemoteError(f"{self.endpoint.url} answered in another form: {fault}") from None

    async def _turn(self) -> None:
        """Wait until another request may begin in this minute."""
        while self.endpoint.per_minute:
            now = time.monotonic()
            self._begun = [begun for begun in self._begun if now - begun < 60]
            if len(self._begun) < self.endpoint.per_minute:
                self._begun.append(now)
                return
            # others wait for the same place, so all look again afterwards
            await asyncio.sleep(60 - (now - self._begun[0]))

    def _pause(self, attempt: int, asked: str, key: Key) -> float:
        """Seconds before the next try: what the endpoint asks for, else doubling, spread by the key."""
        wanted, longest = seconds_of(asked), self.endpoint.longest_pause_seconds
        if wanted is not None and wanted > longest:
            self._tell(
                f"{self.endpoint.url} asks for a pause of {wanted:.0f} s; asking again after {longest:.0f} s"
            )
        if wanted is not None:
            return min(wanted, longest)
        # requests that were refused together do not come back together; the spread comes
        # from the key, since no noise here is drawn from a global generator
        spread = sha256(f"{key}/{attempt}".encode()).digest()[0] / 255
        return min(longest, self.endpoint.backoff_seconds * 2**attempt * (0.5 + spread / 2))

    def _count(self, used: tuple[int, int], *, known: bool) -> None:
        if not known and self.endpoint.budget is not None:
            self._tell(
                f"{self.endpoint.url} counts no tokens; the budget goes by the length of texts"
            )

        before = self.spent
        self.spent = Spent(
            before.requests + 1,
            before.retries,
            before.tokens_in + used[0],
            before.tokens_out + used[1],
            before.cost + self._cost(*used),
            before.estimated + (not known),
        )

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.endpoint.price_in + tokens_out * self.endpoint.price_out) / 1e6

    def _check_model(self, model: str) -> None:
        """An alias such as `latest` may be pointed at another model between two requests."""
        now = model or self.endpoint.model
        self._answering = self._answering or now
        if now != self._answering:
            raise DriftError(
                f"{self.endpoint.url} answered {self.endpoint.model} as {self._answering} and now as {now}; "
                "name the dated model, and rate each as an entrant of its own"
            )

    def _words(self, found: Refusal) -> str:
        """What the endpoint says, and what to do where it is the key; never the key itself."""
        key, name = os.environ.get(self.endpoint.key_from, ""), self.endpoint.key_from
        if found.status in (401, 403):
            state = "holds a key that it does not take" if key else "is not set"
            return f"HTTP {found.status}; ${name} {state}"
        # an endpoint may repeat the key in its refusal, and messages are logged
        said = found.said.replace(key, "(key)") if key else found.said
        if found.transport or not found.status:
            return said or "an error without words"
        return f"HTTP {found.status} ({said})" if said else f"HTTP {found.status}"

    def _tell(self, said: str) -> None:
        """Say a thing once."""
        if said not in self._told:
            self._told.add(said)
            _log.warning(said)


@dataclass(frozen=True, slots=True)
class _Gate:
    """What bounds requests in one event loop: free places, and news of the budget."""

    loop: asyncio.AbstractEventLoop
    free: asyncio.Semaphore
    changed: asyncio.Condition


def _response(answer: Reply | BaseException) -> Response:
    """A reply, or the fault of its request; being cancelled is neither."""
    # gather hands over a cancellation as a value: it has to go on upwards
    if isinstance(answer, BaseException) and not isinstance(answer, Exception):
        raise answer
    return answer
