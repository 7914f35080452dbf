"""vLLM servers as one engine: token ids over HTTP, least-loaded routing, adapters loaded while games run.

Standard library only. A server that is gone is waited for; one that comes back empty is given its adapters
again. What a server has to be started with: see `spawn.py`.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..language.shared_prefixes import Tokens
from .http import Call
from .policy import Draw, Drawn, EngineError, Look

_PROBE_SECONDS = 0.5
_TRIES = 8
"""Servers may die under one request so often; then it may be the request that they die of."""


class ServerDownError(EngineError):
    """No server answered for as long as we wait."""


@dataclass
class Server:
    """One server: where it is, how much of ours is with it, which weights it has from us.

    `asked` is when it was last seen whether it is back.
    """

    url: str
    busy: int = 0
    up: bool = True
    asked: float = -math.inf
    adapters: set[str] = field(default_factory=set[str])
    weights: Path | None = None
    fitting: threading.Lock = field(default_factory=threading.Lock)


class Servers:
    """One or more vLLM servers of the same base model, as a `TokenEngine`.

    `urls` end in `/v1`; `source` is what they loaded their model from. A draw goes to the server with the
    fewest of ours under way. A draw whose server dies is made again, elsewhere or when one is back; when none
    has been up for `patience` seconds it fails with ServerDownError, and its game with it. Equal draws give
    equal replies, so asking again is safe. `seconds` bounds one answer. Adapter folders must lie where the
    servers see them too.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        patience: float = 120.0,
        seconds: float = 300.0,
        at_once: int = 128,
    ) -> None:
        self.servers = [Server(url.rstrip("/")) for url in urls]
        self.patience = patience
        self.seconds = seconds
        self.repeated = 0
        self._closed = False
        self._dark = 0.0  # since when no server is up, where none is
        self._lock = threading.Lock()
        self._folders: dict[str, Path] = {}
        self._weights: Path | None = None
        self._pool = ThreadPoolExecutor(at_once, "vllm-client")
        bases = {self._base(server) for server in self.servers}
        if len(bases) != 1:
            raise EngineError(f"the servers hold different models: {sorted(map(str, bases))}")
        ((self.model, self.context, self.source),) = bases
        version = self._ask(self.servers[0], "/version").get("version", "")
        self.name = f"vllm {version}"

    def close(self) -> None:
        """Wait for nothing any more; what still asks fails."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        loop = asyncio.get_running_loop()
        calls = [Call() for _ in draws]
        asked = [
            loop.run_in_executor(self._pool, self._draw, draw, call)
            for draw, call in zip(draws, calls, strict=True)
        ]
        try:
            answers = await asyncio.gather(*asked, return_exceptions=True)
        except asyncio.CancelledError:
            for call in calls:
                call.cancel()
            raise
        return [_told(answer) for answer in answers]

    def look(self, looks: Sequence[Look]) -> Sequence[Mapping[int, float]]:
        return list(self._pool.map(self._look, looks))

    def load(self, adapter: str, folder: Path) -> None:
        if adapter in self._folders:
            raise EngineError(
                f"{self.name} already has an adapter {adapter!r}; publish under a new name"
            )
        self._folders[adapter] = folder.resolve()
        try:
            self._everywhere(lambda server: self._equip(server, adapter))
        except Exception:
            del self._folders[adapter]
            raise

    def retire(self, adapter: str) -> None:
        del self._folders[adapter]
        for server in self.servers:
            if adapter in server.adapters:
                server.adapters.discard(adapter)
                self._quietly(server, "/v1/unload_lora_adapter", {"lora_name": adapter})

    def replace(self, folder: Path) -> None:
        """Needs servers in development mode (VLLM_SERVER_DEV_MODE=1)."""
        self._weights = folder.resolve()
        self._everywhere(self._reload)

    def _draw(self, draw: Draw, call: Call) -> Drawn:
        body = {
            "prompt": list(draw.prompt),
            "temperature": draw.temperature,
            "top_p": draw.top_p,
            "max_tokens": draw.tokens,
            "seed": draw.seed,
            "stop_token_ids": list(draw.stops),
            "logprobs": 0,
            "return_token_ids": True,
            "add_special_tokens": False,
        }
        choice = self._complete(body, draw.adapter, call)
        return Drawn(
            tuple(choice["token_ids"]), tuple(map(_read, choice["logprobs"]["token_logprobs"]))
        )

    def _look(self, look: Look) -> Mapping[int, float]:
        body = {
            "prompt": list(look.prompt),
            "temperature": look.temperature,
            "top_p": look.top_p,
            "max_tokens": 1,
            "seed": 0,
            "logprobs": 0,
            "logprob_token_ids": list(look.tokens),
            "return_tokens_as_token_ids": True,
            "add_special_tokens": False,
        }
        found = self._complete(body, look.adapter, Call())["logprobs"]["top_logprobs"][0]
        return {token: _read(found[f"token_id:{token}"]) for token in look.tokens}

    def _complete(self, body: dict[str, Any], adapter: str | None, call: Call) -> Mapping[str, Any]:
        """One completion from whichever server is free; patient while none is there."""
        if adapter is not None and adapter not in self._folders:
            raise EngineError(
                f"{self.name} has no adapter {adapter!r}; it was retired or never loaded"
            )
        body["model"] = adapter or self.model
        gone = 0
        while True:
            server = self._take(call)
            try:
                self._fit(server, adapter)
                answer = self._ask(server, "/v1/completions", body, call)
                return answer["choices"][0]
            except _Gone as fault:
                if call.cancelled:  # it is not the server that broke off
                    continue
                self._lost(server)
                gone += 1
                if gone == _TRIES:
                    raise ServerDownError(
                        f"no server could answer this in {gone} tries: {fault}"
                    ) from None
            except _Unknown:
                server.adapters.discard(adapter or "")
            finally:
                with self._lock:
                    server.busy -= 1

    def _take(self, call: Call) -> Server:
        """The server with the least to do; waits for one to be back. Raises ServerDownError."""
        while True:
            if self._closed or call.cancelled:
                raise ServerDownError(f"{self.name} was closed, or nobody waits for this any more")
            if server := self._least_busy():
                return server
            for each in self.servers:
                self._probe(each)
            if server := self._least_busy():
                return server
            if time.monotonic() - self._dark > self.patience:
                urls = ", ".join(server.url for server in self.servers)
                raise ServerDownError(
                    f"no server answered for {self.patience:.0f} s: {urls}; start it again and resume"
                )
            time.sleep(_PROBE_SECONDS)

    def _least_busy(self) -> Server | None:
        """The server that is up and has the least to do, which now has more."""
        with self._lock:
            server = min(
                (s for s in self.servers if s.up), key=lambda server: server.busy, default=None
            )
            if server is not None:
                server.busy += 1
            return server

    def _probe(self, server: Server) -> None:
        """See whether a server is back, for all who wait. One that holds another model is as good as none."""
        now = time.monotonic()
        with self._lock:
            if server.up or now < server.asked + _PROBE_SECONDS:
                return
            server.asked = now
        try:
            found = self._base(server)
        except (_Gone, EngineError):
            return
        with self._lock:
            server.up = found == (self.model, self.context, self.source)

    def _lost(self, server: Server) -> None:
        with self._lock:
            if all(each is server or not each.up for each in self.servers) and server.up:
                self._dark = time.monotonic()
            server.up = False
            server.weights = None
            server.adapters.clear()
            self.repeated += 1

    def _fit(self, server: Server, adapter: str | None) -> None:
        """Give a server what it lacks of what was loaded, as one that was started anew does."""
        with server.fitting:
            if server.weights != self._weights:
                self._reload(server)
            if adapter is not None and adapter not in server.adapters:
                self._equip(server, adapter)

    def _reload(self, server: Server) -> None:
        """Put the last whole weights in place of the server's own."""
        body = {"method": "reload_weights", "kwargs": {"weights_path": str(self._weights)}}
        self._ask(server, "/collective_rpc", body)
        self._ask(server, "/reset_prefix_cache", {})
        server.weights = self._weights

    def _equip(self, server: Server, adapter: str) -> None:
        """Give a server an adapter; one that has it by this name already keeps it."""
        body = {"lora_name": adapter, "lora_path": str(self._folders[adapter])}
        try:
            self._ask(server, "/v1/load_lora_adapter", body)
        except EngineError as fault:
            if "already been loaded" not in str(fault):
                raise
        server.adapters.add(adapter)

    def _everywhere(self, action: Any) -> None:
        """On all servers that are there; one that is not yet back gets its adapters when it is used."""
        done = 0
        for server in self.servers:
            try:
                action(server)
                done += 1
            except _Gone:
                self._lost(server)
        if not done:
            server = self._take(Call())
            try:
                action(server)
            except _Gone as fault:
                self._lost(server)
                raise ServerDownError(f"no server took it in: {fault}") from None
            finally:
                with self._lock:
                    server.busy -= 1

    def _quietly(self, server: Server, path: str, body: Mapping[str, Any]) -> None:
        try:
            self._ask(server, path, body)
        except _Gone:
            self._lost(server)
        except EngineError:
            return  # it was not there: as asked for

    def spelt(self, text: str) -> Tokens:
        """The text as the server's tokenizer has it."""
        body = {"model": self.model, "prompt": text, "add_special_tokens": False}
        return tuple(self._ask(self.servers[0], "/tokenize", body)["tokens"])

    def _base(self, server: Server) -> tuple[str, int, str]:
        """The base model's name and context, and what it was loaded from, as the server states them."""
        found = self._ask(server, "/v1/models")["data"]
        base = next((card for card in found if not card.get("parent")), None)
        if base is None:
            raise EngineError(f"{server.url} serves no base model")
        return str(base["id"]), int(base["max_model_len"]), str(base.get("root") or base["id"])

    def _ask(
        self,
        server: Server,
        path: str,
        body: Mapping[str, Any] | None = None,
        call: Call | None = None,
    ) -> Mapping[str, Any]:
        """One call. Raises _Gone where the server is, _Unknown for an adapter it lost, else EngineError."""
        root = server.url.removesuffix("/v1")
        data = None if body is None else json.dumps(body).encode()
        try:
            text = (call or Call()).read(root + path, data, self.seconds)
        except urllib.error.HTTPError as fault:
            said = fault.read().decode(errors="replace")[:300]
            if fault.code == 404 and path == "/v1/completions":
                raise _Unknown(said) from None
            if fault.code >= 500 and "EngineDead" not in said and path != "/v1/completions":
                raise EngineError(f"{server.url}{path} failed: {said}") from None
            if fault.code >= 500:
                raise _Gone(said) from None
            raise EngineError(f"{server.url} refused {path}: HTTP {fault.code} {said}") from None
        except OSError as fault:
            raise _Gone(f"{server.url}: {fault}") from None
        except Exception as fault:  # http.client's faults of a connection that broke in the middle
            raise _Gone(f"{server.url}: {type(fault).__name__}") from None
        try:
            found = json.loads(text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def is_vllm(url: str) -> bool:
    """Whether it is a vLLM server that answers at this URL. Raises EngineError where nobody does."""
    root = url.rstrip("/").removesuffix("/v1")
    try:
        with urllib.request.urlopen(f"{root}/version", timeout=10) as answer:
            return "version" in json.load(answer)
    except (urllib.error.HTTPError, json.JSONDecodeError, UnicodeDecodeError):
        return False
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise EngineError(
            f"nobody answers at {url} ({_why(fault)}); is it up, and the address right?"
        ) from None


def _why(fault: Exception) -> str:
    """The reason in urllib's wrapping."""
    return str(getattr(fault, "reason", fault)) or type(fault).__name__


class _Gone(Exception):
    """The server did not answer, or broke off."""


class _Unknown(Exception):
    """The server does not know the model or adapter that was named."""


def _read(logprob: float) -> float:
    """JSON has no infinity; vLLM writes −9999."""
    return -math.inf if logprob <= -9999 else logprob


def _told(answer: Drawn | BaseException) -> Drawn | Exception:
    if isinstance(answer, BaseException) and not isinstance(answer, Exception):
        raise answer
    return answer
