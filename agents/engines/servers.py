"""vLLM servers as one engine: token ids over HTTP, adapters loaded while games run.

A server that is gone is waited for; one that comes back empty is given its adapters again. What a server
has to be started with: see `child.py`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ...envs.background import Background
from ..http import AT_ONCE, Client, Unanswered
from ..language.shared_prefixes import Tokens
from .policy import Draw, Drawn, EngineError, Look
from .routing import Prefixes
from .vllm_api import (
    COMPLETIONS,
    LOAD,
    UNLOAD,
    Base,
    Gone,
    UnknownHere,
    base_of,
    choice_of,
    draw_body,
    drawn,
    look_body,
    seen,
    taken,
)

T = TypeVar("T")
_PROBE_SECONDS = 0.5
_TRIES = 8
"""Servers may die under one request so often; then it may be the request that they die of."""


class ServerDownError(EngineError):
    """No server answered for as long as we wait."""


@dataclass
class Server:
    """One server: where it is, how much of ours is with it, which weights it has from us.

    `asked` is when it was last seen whether it is back; `fitting` is held while it is given what it lacks.
    """

    url: str
    busy: int = 0
    up: bool = True
    asked: float = -math.inf
    adapters: set[str] = field(default_factory=set[str])
    weights: Path | None = None
    fitting: asyncio.Lock = field(default_factory=asyncio.Lock)


class Servers:
    """One or more vLLM servers of the same base model, as a `TokenEngine`.

    `urls` end in `/v1`; `source` is what they loaded their model from. A draw goes to the server that has
    read most of its prompt, unless that one is busier than others (`routing.py`). A draw whose server dies is
    made again, elsewhere or when a server is back; when none has been up for `patience` seconds it fails with
    ServerDownError, and its game with it. Equal draws give equal replies, so asking again is safe. `seconds`
    bounds one answer, `at_once` the requests under way. Adapter folders must lie where the servers see them.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        patience: float = 120.0,
        seconds: float = 300.0,
        at_once: int = AT_ONCE,
    ) -> None:
        self.servers = [Server(url.rstrip("/")) for url in urls]
        self.patience = patience
        self.seconds = seconds
        self.repeated = 0
        self._closed = False
        self._dark = 0.0  # since when no server is up, where none is
        self._folders: dict[str, Path] = {}
        self._weights: Path | None = None
        self._prefixes = Prefixes()

        # everything below is touched by this loop alone, so it needs no locks
        self._background = Background("vllm-client")
        self._client = Client(at_once)
        self._free = asyncio.Semaphore(at_once)
        try:
            self.model, self.context, self.source = self._same_base()
            version = self._background.wait(self._ask(self.servers[0], "/version"))
        except BaseException:
            self._background.close()
            raise
        self.name = f"vllm {version.get('version', '')}"

    @property
    def prefix_hits(self) -> float:
        """The share of whole blocks of prompts that went to a server which had read them before."""
        return self._prefixes.known / max(1, self._prefixes.asked)

    def close(self) -> None:
        """End the client; requests under way fail."""
        self._closed = True
        self._background.close()

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        if self._closed:
            return [self._shut() for _ in draws]
        return await asyncio.wrap_future(self._background.begin(self._draws(draws)))

    def look(self, looks: Sequence[Look]) -> Sequence[Mapping[int, float]]:
        async def all_of_them() -> Sequence[Mapping[int, float]]:
            return await asyncio.gather(*map(self._look, looks))

        return self._wait(all_of_them())

    def load(self, adapter: str, folder: Path) -> None:
        if adapter in self._folders:
            raise EngineError(
                f"{self.name} already has an adapter {adapter!r}; publish under a new name"
            )
        # noted before it is loaded: a server that comes back meanwhile is given it too
        self._folders[adapter] = folder.resolve()
        try:
            self._everywhere(lambda server: self._equip(server, adapter))
        except Exception:
            del self._folders[adapter]
            raise

    def retire(self, adapter: str) -> None:
        async def everywhere() -> None:
            for server in self.servers:
                if adapter in server.adapters:
                    server.adapters.discard(adapter)
                    await self._quietly(server, UNLOAD, {"lora_name": adapter})

        # first, so that no server is given it again while it is taken away
        del self._folders[adapter]
        self._wait(everywhere())

    def replace(self, folder: Path) -> None:
        """Needs servers in development mode (VLLM_SERVER_DEV_MODE=1)."""
        self._weights = folder.resolve()
        self._everywhere(self._reload)

    def spelt(self, text: str) -> Tokens:
        """The text as the server's tokenizer has it."""
        body = {"model": self.model, "prompt": text, "add_special_tokens": False}
        return tuple(self._background.wait(self._ask(self.servers[0], "/tokenize", body))["tokens"])

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result, for a caller that blocks."""
        if self._closed:
            # a coroutine that is never awaited warns when it is collected
            work.close()
            raise self._shut()
        return self._background.wait(work)

    async def _draws(self, draws: Sequence[Draw]) -> list[Drawn | Exception]:
        try:
            answers = await asyncio.gather(*map(self._draw, draws), return_exceptions=True)
        except asyncio.CancelledError:
            if self._closed:
                return [self._shut() for _ in draws]
            raise
        return [_told(answer) for answer in answers]

    async def _draw(self, draw: Draw) -> Drawn:
        return drawn(await self._complete(draw_body(draw), draw.prompt, draw.adapter))

    async def _look(self, look: Look) -> Mapping[int, float]:
        return seen(await self._complete(look_body(look), look.prompt, look.adapter), look)

    async def _complete(
        self, body: dict[str, Any], prompt: Tokens, adapter: str | None
    ) -> Mapping[str, Any]:
        """One completion from a server that is free; patient while none is there."""
        # vLLM serves each adapter as a model of its own name
        body["model"] = adapter or self.model
        gone = 0
        async with self._free:
            while True:
                # inside the loop: it may be retired while the request waits
                if adapter is not None and adapter not in self._folders:
                    raise EngineError(
                        f"{self.name} has no adapter {adapter!r}; it was retired or never loaded"
                    )

                server = await self._taken(prompt, adapter)
                try:
                    await self._fit(server, adapter)
                    return choice_of(await self._ask(server, COMPLETIONS, body))
                except Gone as fault:
                    # asked again, elsewhere or later: an equal draw gives an equal reply
                    self._lost(server)
                    gone += 1
                    if gone == _TRIES:
                        raise ServerDownError(
                            f"no server could answer this in {gone} tries: {fault}"
                        ) from None
                # it was started anew unseen: the next round gives it the adapter
                except UnknownHere:
                    server.adapters.discard(adapter or "")
                finally:
                    server.busy -= 1

    async def _taken(self, prompt: Tokens = (), adapter: str | None = None) -> Server:
        """The server for a prompt, one request busier; waits for one to be back. Raises ServerDownError."""
        while True:
            if self._closed:
                raise self._shut()
            if server := self._chosen(prompt, adapter):
                return server

            for each in self.servers:
                await self._probe(each)
            if server := self._chosen(prompt, adapter):
                return server

            # counted from when the last server went, not from this request's beginning:
            # those that queue do not wait the whole time again
            if time.monotonic() - self._dark > self.patience:
                urls = ", ".join(server.url for server in self.servers)
                raise ServerDownError(
                    f"no server answered for {self.patience:.0f} s: {urls}; start it again and resume"
                )
            await asyncio.sleep(_PROBE_SECONDS)

    def _chosen(self, prompt: Tokens, adapter: str | None) -> Server | None:
        """The server for a prompt among those that are up, which now has more to do."""
        busy = {number: server.busy for number, server in enumerate(self.servers) if server.up}
        if not busy:
            return None
        server = self.servers[self._prefixes.choose(prompt, adapter, busy)]
        server.busy += 1
        return server

    async def _probe(self, server: Server) -> None:
        """See whether a server is back, for all that wait. A server with another model counts as down."""
        now = time.monotonic()
        if server.up or now < server.asked + _PROBE_SECONDS:
            return
        # before the await: all requests that wait pass here, and one question is enough
        server.asked = now
        try:
            found = await self._base(server)
        except (Gone, EngineError):
            return
        server.up = found == (self.model, self.context, self.source)

    def _lost(self, server: Server) -> None:
        """A server did not answer: it is down, and has nothing of ours when it comes back."""
        # requests that were with it fail one after the other; only the first is news
        if server.up:
            self._prefixes.forget(self.servers.index(server))
            if not any(each.up for each in self.servers if each is not server):
                self._dark = time.monotonic()

        # it may come back as a new process, which holds nothing of ours
        server.up = False
        server.weights = None
        server.adapters.clear()
        self.repeated += 1

    async def _fit(self, server: Server, adapter: str | None) -> None:
        """Give a server what it lacks of what was loaded, as one that was started anew does."""
        async with server.fitting:
            # looked up under the lock: the first of many requests brings it, the others
            # find it there
            if server.weights != self._weights:
                await self._reload(server)
            if adapter is not None and adapter not in server.adapters:
                await self._equip(server, adapter)

    async def _reload(self, server: Server) -> None:
        """Put the last whole weights in place of the server's own."""
        body = {"method": "reload_weights", "kwargs": {"weights_path": str(self._weights)}}
        await self._ask(server, "/collective_rpc", body)
        # what was read with the old weights is worth nothing now
        await self._ask(server, "/reset_prefix_cache", {})
        server.weights = self._weights

    async def _equip(self, server: Server, adapter: str) -> None:
        """Give a server an adapter; one that has it by this name already keeps it."""
        body = {"lora_name": adapter, "lora_path": str(self._folders[adapter])}
        try:
            await self._ask(server, LOAD, body)
        except EngineError as fault:
            if "already been loaded" not in str(fault):
                raise
        server.adapters.add(adapter)

    def _everywhere(self, action: Callable[[Server], Coroutine[Any, Any, None]]) -> None:
        """On all servers that are there; one that is not yet back gets its adapters when it is used."""

        async def run() -> None:
            done = 0
            for server in self.servers:
                try:
                    await action(server)
                    done += 1
                except Gone:
                    self._lost(server)
            if done:
                return

            # none was there: one that comes back is enough, `_fit` serves the others later
            server = await self._taken()
            try:
                await action(server)
            except Gone as fault:
                self._lost(server)
                raise ServerDownError(f"no server took it in: {fault}") from None
            finally:
                server.busy -= 1

        self._wait(run())

    async def _quietly(self, server: Server, path: str, body: Mapping[str, Any]) -> None:
        try:
            await self._ask(server, path, body)
        except Gone:
            self._lost(server)
        except EngineError:
            return  # it was not there: as asked for

    def _same_base(self) -> Base:
        """What all servers serve. Raises EngineError where they differ, or one does not answer."""

        async def all_of_them() -> list[Base]:
            return await asyncio.gather(*map(self._base, self.servers))

        try:
            bases = set(self._background.wait(all_of_them()))
        except Gone as fault:
            raise EngineError(f"a server does not answer: {fault}") from None
        if len(bases) != 1:
            raise EngineError(f"the servers hold different models: {sorted(map(str, bases))}")
        return bases.pop()

    async def _base(self, server: Server) -> Base:
        return base_of(await self._ask(server, "/v1/models"), server.url)

    async def _ask(
        self, server: Server, path: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """One call. Raises Gone, UnknownHere and EngineError; see `taken`."""
        url = server.url.removesuffix("/v1")
        try:
            answer = await self._client.ask(url + path, body, seconds=self.seconds)
        except Unanswered as fault:
            raise Gone(f"{server.url}: {fault}") from None
        return taken(answer, server.url, path)

    def _shut(self) -> ServerDownError:
        return ServerDownError(f"{self.name} was closed")


def _told(answer: Drawn | BaseException) -> Drawn | Exception:
    if isinstance(answer, BaseException) and not isinstance(answer, Exception):
        raise answer
    return answer
