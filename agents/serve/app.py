"""OpenAI's chat API over the models of a shelf: `/v1/models` and `/v1/chat/completions`, as an ASGI app."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as Incoming
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ...envs.errors import SparringError, Unknown
from ..policy import Key
from .draws import Draw
from .form import Asked, Refused, asked, escaped
from .record import Record
from .shelf import Served, Shelf

MOST_WAITING = 4_096
"""Replies in progress and waiting on one model; further requests are told to come again."""
MOST_MEGABYTES = 16
"""Of a request's body."""
Handler = Callable[[Incoming], Awaitable[Response]]


class Face:
    """What the routes do. `token` is asked of every request unless it is empty."""

    def __init__(self, shelf: Shelf, token: str, record: Record | None) -> None:
        self._shelf = shelf
        self._token = token.encode()
        self._record = record
        self._since = int(time.time())

    def app(self) -> Starlette:
        routes = [
            Route("/v1/models", self._guarded(self._models)),
            Route("/v1/models/{name:path}", self._guarded(self._model)),
            Route("/v1/chat/completions", self._guarded(self._completions), methods=["POST"]),
            Route("/health", self._health),
        ]
        return Starlette(routes=routes, exception_handlers={404: _missing, 405: _missing})

    def _guarded(self, handler: Handler) -> Handler:
        """The handler behind the token; what it refuses becomes an answer in the API's form."""

        async def guarded(request: Incoming) -> Response:
            try:
                self._admit(request)
                return await handler(request)
            except Refused as refused:
                headers = {"Retry-After": "1"} if refused.status == 429 else {}
                return JSONResponse(refused.body, refused.status, headers=headers)

        return guarded

    def _admit(self, request: Incoming) -> None:
        given = request.headers.get("authorization", "").encode().removeprefix(b"Bearer ")
        if self._token and not hmac.compare_digest(given, self._token):
            raise Refused(401, "this server asks for its token as API key", code="invalid_api_key")

    async def _health(self, request: Incoming) -> Response:
        return JSONResponse({"status": "ok"})

    async def _models(self, request: Incoming) -> Response:
        return JSONResponse({"object": "list", "data": [*map(self._card, self._shelf.names)]})

    async def _model(self, request: Incoming) -> Response:
        name = str(request.path_params["name"])
        if name not in self._shelf.names:
            raise _no_model(name, self._shelf.names)
        return JSONResponse(self._card(name))

    def _card(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._since, "owned_by": "sparring"}

    async def _completions(self, request: Incoming) -> Response:
        # A page in a browser can send other types to a server on loopback without asking it.
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused(415, "the body must be sent as application/json")
        wanted = asked(await _body(request))
        served = await self._found(wanted.model)
        draws = self._draws(wanted, served)

        if wanted.stream:
            return StreamingResponse(self._streamed(wanted, draws), media_type="text/event-stream")
        try:
            await _all_or_gone(request, draws)
        finally:
            for draw in draws:
                draw.cancel()
        self._keep(wanted, served, draws)
        choices = [draw.choice(index) for index, draw in enumerate(draws)]
        return JSONResponse(
            {
                **self._head("chat.completion", wanted, served),
                "choices": choices,
                "usage": _usage(draws),
            }
        )

    async def _found(self, name: str) -> Served:
        try:
            # Opening a model takes seconds; other requests go on meanwhile.
            return await asyncio.to_thread(self._shelf.find, name)
        except Unknown:
            raise _no_model(name, self._shelf.names) from None
        except SparringError as fault:
            raise Refused(500, str(fault)) from fault

    def _draws(self, wanted: Asked, served: Served) -> list[Draw]:
        """The replies that the request asks for, already under way. Raises Refused."""
        dialect = served.dialect
        try:
            prompt = dialect.spelt(escaped(wanted.messages, dialect.markers))
        except Exception as fault:  # a template may refuse the order of messages, in its own words
            said = " ".join(str(fault).split())[:200]
            raise Refused(
                400, f"the model's template refuses these messages: {said}", "messages"
            ) from fault

        if len(prompt) >= served.context:
            raise Refused(
                400,
                f"the messages have {len(prompt)} tokens; {wanted.model} reads at most "
                f"{served.context}, its reply included",
                "messages",
                "context_length_exceeded",
            )
        if served.batch.busy + wanted.choices > MOST_WAITING:
            raise Refused(429, "too many requests are waiting; ask again in a second")

        seed = secrets.randbits(63) if wanted.seed is None else wanted.seed
        keys = [Key(seed, copy, "chat", 0) for copy in range(wanted.choices)]
        return [Draw(wanted, served, prompt, key) for key in keys]

    async def _streamed(self, wanted: Asked, draws: Sequence[Draw]) -> AsyncGenerator[str]:
        """The replies as server-sent events, token by token; a client that leaves ends their drawing."""
        served = draws[0].served
        head = self._head("chat.completion.chunk", wanted, served)
        usage = {"usage": None} if wanted.usage else {}

        def event(**fields: Any) -> str:
            return f"data: {json.dumps({**head, **usage, **fields})}\n\n"

        try:
            for index in range(len(draws)):
                delta = {"role": "assistant", "content": ""}
                yield event(choices=[{"index": index, "delta": delta, "finish_reason": None}])
            async for index, piece in _merged(draws):
                yield event(choices=[draws[index].chunk(index, piece)])
            if wanted.usage:
                yield event(choices=[], usage=_usage(draws))
            self._keep(wanted, served, draws)
        except Refused as refused:
            # The status was sent long ago: clients look for an error among the events.
            yield f"data: {json.dumps(refused.body)}\n\n"
        finally:
            for draw in draws:
                draw.cancel()
        yield "data: [DONE]\n\n"

    def _head(self, kind: str, wanted: Asked, served: Served) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "object": kind,
            "created": int(time.time()),
            "model": wanted.model,
            "system_fingerprint": served.weights[:16],
        }

    def _keep(self, wanted: Asked, served: Served, draws: Sequence[Draw]) -> None:
        if self._record:
            self._record.keep(wanted.model, served.weights, wanted.messages, draws)


async def _body(request: Incoming) -> bytes:
    """The whole body. Raises Refused for one that is too large.

    What is too much is read and dropped: a client whose connection closes while it still sends does not
    hear why. Beyond four times the limit it closes all the same.
    """
    parts: list[bytes] = []
    size, most = 0, MOST_MEGABYTES * 2**20
    async for part in request.stream():
        size += len(part)
        if size <= most:
            parts.append(part)
        elif size > 4 * most:
            break
    if size > most:
        raise Refused(413, f"a body of at most {MOST_MEGABYTES} MiB was expected")
    return b"".join(parts)


async def _all_or_gone(request: Incoming, draws: Sequence[Draw]) -> None:
    """Wait for all replies, or until the client is gone. Raises Refused where one cannot be drawn."""
    done = asyncio.gather(*(draw.end() for draw in draws))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise Refused(499, "the client is gone")
        await done
    finally:
        gone.cancel()
        done.cancel()


async def _gone(request: Incoming) -> None:
    # The body has been read, so the next message can only say that the client left.
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _merged(draws: Sequence[Draw]) -> AsyncGenerator[tuple[int, Any]]:
    """Pieces of all replies as they come, with the number of their reply. Raises Refused."""
    pending = {asyncio.ensure_future(draw.piece()): index for index, draw in enumerate(draws)}

    try:
        while pending:
            ready, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in ready:
                index = pending.pop(task)
                piece = task.result()
                if not piece.last:
                    pending[asyncio.ensure_future(draws[index].piece())] = index
                if piece.shown:
                    yield index, piece
    finally:
        for task in pending:
            task.cancel()


def _usage(draws: Sequence[Draw]) -> dict[str, int]:
    read = len(draws[0].prompt)
    written = sum(draw.count for draw in draws)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _no_model(name: str, known: Sequence[str]) -> Refused:
    listed = ", ".join(known[:8]) + (", …" if len(known) > 8 else "")
    return Refused(404, f"no model {name!r} here; there are {listed}", "model", "model_not_found")


async def _missing(request: Incoming, fault: Exception) -> Response:
    said = (
        f"no route {request.method} {request.url.path}; there are /v1/models, /v1/chat/completions"
    )
    return JSONResponse(Refused(404, said).body, 404)
