# The library lives in an environment of its own (.ci/outside.sh), so types are not found here.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportUntypedBaseClass=false
"""Environments of verifiers at work in a thread of their own, whose model is whoever sits in the seats here.

verifiers drives its games itself and asks a model over HTTP. The model is an endpoint of ours in the same
thread: what it is asked waits in the game's queue until the seat here has answered.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count, islice
from types import ModuleType
from typing import Any, NamedTuple

import verifiers.v1 as vf
from aiohttp import web
from verifiers.v1.configs.agent import agent_config_fields
from verifiers.v1.utils import loaders

from ..background import Background
from ..registry import GameError
from ..types import Value
from .verifiers_chat import Chat

HARNESS = "sparring_chat"
_loops: dict[int, Background] = {}


class Asked(NamedTuple):
    """What a seat is asked: all that its agent was told since its last reply."""

    seat: str
    prompt: str
    answer: asyncio.Future[str]


class Seated(Chat):
    """Names the agent in each request, so that the endpoint knows which seat is asked."""

    def beside(self, trace: vf.Trace) -> dict[str, Any]:
        return {"user": trace.agent.name}


class Place:
    """One environment, loaded once: its agents, its tasks, and the endpoint that they ask."""

    def __init__(self, name: str, options: Mapping[str, Value]) -> None:
        self.name = name
        self._numbers = count()
        self._games: dict[str, Playing] = {}
        self._tasks: list[Any] = []
        loop().wait(self._open(options))

    async def _open(self, options: Mapping[str, Value]) -> None:
        _install()
        self.agents = agents_of(self.name)
        seats = {
            agent: {"harness": {"id": HARNESS}, "runtime": {"type": "subprocess"}}
            for agent in self.agents
        }
        try:
            raw = {"taskset": {"id": self.name, **options}, **seats}
            config = loaders.resolve_env_config(raw)
            # also an agent that was given a model of its own is a seat here
            unpinned = {
                agent: getattr(config, agent).model_copy(update={"model": None, "client": None})
                for agent in self.agents
            }
            self._env = loaders.load_environment(config.model_copy(update=unpinned))
        except Exception as fault:
            raise GameError(f"verifiers does not load {self.name}: {_line(fault)}") from fault

        # entered for good: ending the process ends the thread, and with it all that stands here
        self._stack = AsyncExitStack()
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/v1/chat/completions", self._complete)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        await self._stack.enter_async_context(self._env.serving())

    def tasks(self, most: int) -> Sequence[Any]:
        """The first tasks, as many as there are and at most so many."""
        if len(self._tasks) < most:
            self._tasks = loop().wait(self._first(most))
        return self._tasks[:most]

    async def _first(self, most: int) -> list[Any]:
        try:
            return list(islice(iter(self._env.taskset), most))
        except Exception as fault:
            raise GameError(f"verifiers does not load {self.name}: {_line(fault)}") from fault

    def begin(self, item: int) -> Playing:
        """Begin the game of a task."""
        number = str(next(self._numbers))
        client = vf.EvalClientConfig(base_url=self._url)
        playing = Playing(self, number, self._tasks[item], vf.ModelContext(number, client))
        self._games[number] = playing
        loop().wait(playing.start(self._env))
        return playing

    def forget(self, number: str) -> None:
        self._games.pop(number, None)

    async def _complete(self, request: web.Request) -> web.Response:
        """A model's turn: wait for the seat's reply."""
        body = await request.json()
        game = self._games.get(body["model"])
        if game is None:
            return web.json_response({"error": {"message": "this game is over"}}, status=400)

        text = await game.put(str(body.get("user", "")), body["messages"])
        said = {"role": "assistant", "content": text}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        top = {"id": "0", "object": "chat.completion", "created": 0, "model": body["model"]}
        choice = {"index": 0, "finish_reason": "stop", "message": said}
        return web.json_response({**top, "choices": [choice], "usage": usage})


class Playing:
    """One game: `asked` waits for what a seat is asked, `answer` replies. Close it, also in mid-game."""

    def __init__(self, place: Place, number: str, task: Any, context: vf.ModelContext) -> None:
        self._place, self._number = place, number
        self._task, self._context = task, context
        self._queue: asyncio.Queue[Asked | None] = asyncio.Queue()

    async def start(self, env: Any) -> None:
        self._episode = asyncio.create_task(env.run_episode(self._task, self._context))
        self._episode.add_done_callback(lambda _: self._queue.put_nowait(None))

    def asked(self) -> Asked | None:
        """What a seat is asked next; None when the game is over. Raises GameError for no text."""
        return loop().wait(self._queue.get())

    def answer(self, asked: Asked, text: str) -> None:
        loop().wait(_settle(asked.answer, text))

    def paid(self) -> Mapping[str, float]:
        """What each agent was rewarded, on the mean of its traces. Raises GameError after a fault."""
        episode = loop().wait(self._ended())
        # an agent's own fault is the cause of what the environment then says
        faults = [*(error for trace in episode.traces for error in trace.errors), *episode.errors]
        if not episode.ok or faults:
            why = f"{faults[0].type}: {faults[0].message}" if faults else "it gives no reason"
            raise GameError(f"verifiers' {self._place.name} broke off ({_line(why)})")

        rewards: dict[str, list[float]] = {agent: [] for agent in self._place.agents}
        for trace in episode.traces:
            rewards[trace.agent.name].append(float(trace.reward))
        # an agent that was not needed in this game was paid nothing
        return {agent: sum(got) / len(got) if got else 0.0 for agent, got in rewards.items()}

    def close(self) -> None:
        self._place.forget(self._number)
        loop().wait(self._cancel())

    async def put(self, seat: str, messages: Sequence[Mapping[str, Any]]) -> str:
        asked = Asked(seat, _news(messages), asyncio.get_running_loop().create_future())
        self._queue.put_nowait(asked)
        return await asked.answer

    async def _ended(self) -> Any:
        return await self._episode

    async def _cancel(self) -> None:
        self._episode.cancel()
        await asyncio.gather(self._episode, return_exceptions=True)


def agents_of(name: str) -> tuple[str, ...]:
    """The agents of an environment, which are its seats. Raises GameError for none of this name."""
    try:
        # first: without a taskset of this name verifiers gives what every taskset falls back to
        loaders.taskset_class(name)
        return tuple(agent_config_fields(loaders.env_config_type(name)()))
    except Exception as fault:
        raise GameError(
            f"verifiers finds no environment {name!r} ({_line(fault)}); install its package"
        ) from fault


def options_of(name: str) -> dict[str, Value]:
    """The settings of an environment's tasks that are plain values, with their defaults."""
    ours = set(vf.TasksetConfig.model_fields)
    fields = loaders.taskset_config_type(name).model_fields
    return {
        key: field.default
        for key, field in fields.items()
        if key not in ours and isinstance(field.default, (bool, int, float, str))
    }


def loop() -> Background:
    """The loop of all games of this process: a fork has none of its parent's threads."""
    if os.getpid() not in _loops:
        _loops.clear()
        places.clear()
        _loops[os.getpid()] = Background("verifiers")
    return _loops[os.getpid()]


places: dict[tuple[str, str], Place] = {}


def place(name: str, options: Mapping[str, Value]) -> Place:
    """The environment with these settings of its tasks, loaded once. Raises GameError."""
    loop()
    key = (name, repr(sorted(options.items())))
    if key not in places:
        places[key] = Place(name, options)
    return places[key]


def _install() -> None:
    """Make our harness a plug-in, which verifiers finds as a module of that name."""
    if HARNESS not in sys.modules:
        module = ModuleType(HARNESS)
        module.__dict__.update(Seated=Seated, __all__=["Seated"])
        sys.modules[HARNESS] = module
        importlib.invalidate_caches()


def _news(messages: Sequence[Mapping[str, Any]]) -> str:
    """All that came after the agent's own last words."""
    own = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    new = messages[own[-1] + 1 :] if own else messages
    return "\n\n".join(text for message in new if (text := _text(message.get("content"))))


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    # parts that are no text (pictures, sounds) cannot be shown to a seat
    return "\n".join(str(part.get("text", f"[{part.get('type')}]")) for part in content or ())


async def _settle(answer: asyncio.Future[str], text: str) -> None:
    if not answer.done():
        answer.set_result(text)


def _line(fault: object) -> str:
    name = f"{type(fault).__name__}: " if isinstance(fault, Exception) else ""
    return " ".join(f"{name}{fault}".split())[:300]
