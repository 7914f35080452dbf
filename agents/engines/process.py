"""vLLM in this process: one engine, many adapters, a thread that steps it while requests come and go."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Self

from .available import on_gpu
from .policy import Draw, Drawn, EngineError, Look
from .vllm_settings import IN_PROCESS, ON_CPU, lora


def install() -> None:
    """Have vLLM on a CPU multiply adapters as `cpu_lora.py` does, where an engine of ours asks for it.

    A plugin of vLLM (`vllm.general_plugins` in pyproject.toml): it is called in each of its processes.
    """
    from vllm.platforms import current_platform  # pyright: ignore[reportMissingImports] see Vllm

    platform: Any = current_platform
    if os.environ.get("SPARRING_PUNICA") == "1" and platform.is_cpu():
        type(platform).get_punica_wrapper = classmethod(
            lambda _: "sparring.agents.engines.cpu_lora.Punica"
        )


class Vllm:
    """vLLM's engine on the model of a folder, as a `TokenEngine`. Close it, or use it as a context manager.

    `adapters` may act in one batch (any number may be loaded), of rank `rank` at most. `memory` is the
    share of a GPU's memory that it takes; `dtype` is "auto", "float32", "bfloat16". One thread steps the
    engine; draws that arrive while it works join its batch (continuous batching).
    """

    def __init__(
        self,
        folder: Path,
        *,
        adapters: int = 4,
        rank: int = 16,
        context: int = 0,
        memory: float = 0.3,
        dtype: str = "auto",
    ) -> None:
        # before the import, in which vLLM reads them
        for name, value in IN_PROCESS.items():
            os.environ.setdefault(name, value)
        vllm: Any = import_module("vllm")  # it lives in an environment of its own

        self._params: Any = vllm.SamplingParams
        settings: dict[str, Any] = {"max_model_len": context} if context else {}
        settings |= lora(adapters, rank)
        if not on_gpu():
            settings |= ON_CPU
        self._llm: Any = vllm.LLM(
            str(folder),
            dtype=dtype,
            gpu_memory_utilization=memory,
            logprobs_mode="processed_logprobs",
            generation_config="vllm",
            distributed_executor_backend="uni",
            disable_log_stats=True,
            **settings,
        )

        self._engine: Any = self._llm.llm_engine
        self.context = int(self._llm.model_config.max_model_len)
        self.name = f"vllm {vllm.__version__}"

        self._adapters: dict[str, Any] = {}
        self._numbers = count(1)
        self._ids = count()
        self._waiting: dict[str, Future[Any]] = {}
        # what the engine's thread has to do between two steps; None ends it
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="vllm", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the engine; what still waits for it fails."""
        self._calls.put(None)
        self._thread.join()

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        outputs = [asyncio.wrap_future(future) for future in self._submit(draws)]
        answers = await asyncio.gather(*outputs, return_exceptions=True)
        return [_drawn(answer) for answer in answers]

    def look(self, looks: Sequence[Look]) -> Sequence[Mapping[int, float]]:
        futures = self._submit(looks)
        return [_seen(look, future.result()) for look, future in zip(looks, futures, strict=True)]

    def load(self, adapter: str, folder: Path) -> None:
        from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports] as above

        if adapter in self._adapters:
            raise EngineError(
                f"{self.name} already has an adapter {adapter!r}; publish under a new name"
            )

        # a number that was never used: vLLM tells adapters apart by it
        request: Any = LoRARequest(adapter, next(self._numbers), str(folder))
        if not self._call(lambda: self._engine.add_lora(request)):
            raise EngineError(f"{self.name} did not take the adapter in {folder}")
        self._adapters[adapter] = request

    def retire(self, adapter: str) -> None:
        request = self._adapters.pop(adapter)
        self._call(lambda: self._engine.remove_lora(request.lora_int_id))

    def replace(self, folder: Path) -> None:
        def reload() -> None:
            self._llm.collective_rpc("reload_weights", kwargs={"weights_path": str(folder)})
            # what was read with the old weights is worth nothing now
            self._llm.reset_prefix_cache()

        self._call(reload)

    def _settings(self, asked: Draw | Look) -> Any:
        """vLLM's settings for this. Raises ValueError for what it refuses, like temperatures above 2."""
        own: dict[str, Any]

        if isinstance(asked, Draw):
            stops = list(asked.stops)
            own = {
                "max_tokens": asked.tokens,
                "seed": asked.seed,
                "stop_token_ids": stops,
                "logprobs": 0,
            }
        else:
            own = {"max_tokens": 1, "seed": 0, "logprob_token_ids": list(asked.tokens)}

        return self._params(
            temperature=asked.temperature, top_p=asked.top_p, detokenize=False, **own
        )

    def _submit(self, asked: Sequence[Draw] | Sequence[Look]) -> list[Future[Any]]:
        """Hand these to the engine together, before its next step."""
        futures: list[Future[Any]] = [Future() for _ in asked]

        def add() -> None:
            for one, future in zip(asked, futures, strict=True):
                try:
                    self._add(one, future)
                except Exception as fault:  # whatever vLLM makes of this one request
                    _settle(future, fault)

        self._calls.put(add)
        # checked after the put: the thread may have ended in between, and what it left in
        # the queue would wait forever
        if self._fault:
            self._refuse()
        return futures

    def _add(self, asked: Draw | Look, future: Future[Any]) -> None:
        if future.cancelled():
            return
        if self._fault:
            raise EngineError(f"{self.name} stopped: {self._fault}")

        name = asked.adapter
        if name is not None and name not in self._adapters:
            raise EngineError(
                f"{self.name} has no adapter {name!r}; it was retired or never loaded"
            )

        wearing = self._adapters[name] if name is not None else None
        number = str(next(self._ids))
        prompt = {"prompt_token_ids": list(asked.prompt)}
        self._engine.add_request(number, prompt, self._settings(asked), lora_request=wearing)

        # after the engine took it: a request that it refuses has its fault set by `add`
        self._waiting[number] = future
        future.add_done_callback(lambda done: self._dropped(number) if done.cancelled() else None)

    def _dropped(self, number: str) -> None:
        """Abort a request whose caller has gone."""

        def abort() -> None:
            # it may have finished, or failed, since it was cancelled
            if self._waiting.pop(number, None) and not self._fault:
                self._engine.abort_request([number])

        self._calls.put(abort)

    def _call(self, action: Callable[[], Any]) -> Any:
        """The action's result, between two steps of the engine."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                if self._fault:
                    raise EngineError(f"{self.name} stopped: {self._fault}")
                done.set_result(action())
            except BaseException as fault:  # it belongs to the caller's thread
                done.set_exception(fault)

        self._calls.put(run)
        if self._fault:
            self._refuse()
        return done.result()

    def _run(self) -> None:
        """The engine's thread: take calls in, step, hand results out; idle where there is nothing to do."""
        try:
            while True:
                busy = self._engine.has_unfinished_requests()
                if not self._take(wait=not busy):
                    raise EngineError("closed")
                for output in self._engine.step():
                    if output.finished and (future := self._waiting.pop(output.request_id, None)):
                        _settle(future, output)
        except BaseException as fault:  # every request that waits, or comes later, gets it
            self._fault = fault
            self._refuse()

    def _take(self, *, wait: bool) -> bool:
        """Run the calls that have arrived; False when the last was to end."""
        # wait for one call at most, then take only what is there: the engine has to step
        while wait or not self._calls.empty():
            call = self._calls.get()
            if call is None:
                return False
            call()
            wait = False
        return True

    def _refuse(self) -> None:
        """After the end: fail all requests that wait."""
        for future in self._waiting.values():
            _settle(future, EngineError(f"{self.name} stopped: {self._fault}"))
        self._waiting.clear()
        while not self._calls.empty():
            # each call sees the fault and fails what it was to begin
            if call := self._calls.get():
                call()


def _settle(future: Future[Any], result: Any) -> None:
    """Hand over a result or an exception, unless whoever asked has gone."""
    # from here on it cannot be cancelled, so the result below is never refused
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _drawn(answer: Any) -> Drawn | Exception:
    if isinstance(answer, Exception):
        return answer
    if isinstance(answer, BaseException):
        # a cancellation is no answer of the engine: it goes on upwards
        raise answer
    said = answer.outputs[0]
    tokens = tuple(said.token_ids)
    pairs = zip(tokens, said.logprobs, strict=True)
    return Drawn(tokens, tuple([float(found[token].logprob) for token, found in pairs]))


def _seen(look: Look, output: Any) -> dict[int, float]:
    found = output.outputs[0].logprobs[0]
    return {token: float(found[token].logprob) for token in look.tokens}
