"""One session with a server of OpenEnv, for a caller that blocks; what it says as text."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from ..background import Background
from ..registry import GameError
from ..script import Forfeit
from ..types import Value
from .extras import load

EXTRA = "openenv"
_TEXTS = ("prompt", "text", "message", "content", "observation", "output", "result")
"""Fields that hold what a player is to read, the first that is a text."""
_HIDDEN = ("done", "reward", "metadata")

_loops: dict[int, Background] = {}


class Seen(NamedTuple):
    """What a server answers to a reset or a step; `reward` is of this step alone."""

    observation: Mapping[str, Any]
    reward: float
    done: bool


class Session:
    """One connection, which is one environment on the server. Close it, also in mid-game."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        client: Any = load("openenv", EXTRA).GenericEnvClient
        self._client = client(
            base_url=url, connect_timeout_s=min(10.0, seconds), message_timeout_s=seconds
        )

    def reset(self, seed: int, others: Mapping[str, Value]) -> Seen:
        """Begin a game. Raises GameError where the server does not."""
        return self._ask(self._client.reset, "does not begin a game", seed=seed, **others)

    def step(self, seat: str, action: Mapping[str, Any]) -> Seen:
        """Take an action. Raises Forfeit for one that the server finds invalid, GameError otherwise."""
        try:
            return self._ask(self._client.step, "broke off in mid-game", action)
        except GameError as fault:
            # the server read no action in it, so the environment is as it was
            if "VALIDATION_ERROR" in str(fault):
                raise Forfeit((seat,), "the server reads no action in it", "unparsable") from fault
            raise

    def close(self) -> None:
        loop().wait(_closed(self._client))

    def _ask(self, call: Any, failed: str, *given: Any, **named: Any) -> Seen:
        async def asked() -> Any:
            return await call(*given, **named)

        try:
            said = loop().wait(asked())
        except Exception as fault:
            why = " ".join(str(fault).split())[:200] or "no answer in time"
            raise GameError(
                f"the OpenEnv server at {self._url} {failed} ({type(fault).__name__}: {why})"
            ) from fault
        return Seen(dict(said.observation), float(said.reward or 0.0), bool(said.done))


def loop() -> Background:
    """The loop of all sessions of this process: a fork has none of its parent's threads."""
    if os.getpid() not in _loops:
        _loops.clear()
        _loops[os.getpid()] = Background("openenv")
    return _loops[os.getpid()]


async def _closed(client: Any) -> None:
    await client.close()


def schema(url: str, seconds: float) -> Mapping[str, Any]:
    """The JSON schema of the server's actions. Raises GameError where no server answers."""
    return loop().wait(_schema(url, seconds))


async def _schema(url: str, seconds: float) -> Mapping[str, Any]:
    # imported here, because a listing of games must not wait for it
    import aiohttp

    try:
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with aiohttp.ClientSession(timeout=timeout) as web, web.get(f"{url}/schema") as said:
            return cast("Mapping[str, Any]", (await said.json())["action"])
    except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as fault:
        why = str(fault) or type(fault).__name__
        raise GameError(
            f"no OpenEnv server answers at {url} ({why}); start it, or give its address as in "
            "openenv/127.0.0.1:8000"
        ) from fault


def shown(observation: Mapping[str, Any], field: str, first: bool) -> str:
    """An observation as a player reads it: a named field, the conversation, a text, or all as JSON."""
    if field:
        return _text(observation.get(field, ""))
    # a conversation is told whole once; afterwards the player has it already
    if first and (told := _conversation(observation.get("messages"))):
        return told

    for name in _TEXTS:
        value = observation.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return _text({key: value for key, value in observation.items() if key not in _HIDDEN})


def _conversation(messages: Any) -> str:
    if not isinstance(messages, list):
        return ""
    parts = [
        str(cast("Mapping[str, Any]", message).get("content", ""))
        for message in cast("list[Any]", messages)
        if isinstance(message, Mapping)
    ]
    return "\n\n".join(part for part in parts if part)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def choices(observation: Mapping[str, Any]) -> Sequence[str] | None:
    """The moves that the server lists, under `choices` or `legal_moves`; None where there are none."""
    for name in ("choices", "legal_moves"):
        listed = observation.get(name)
        if isinstance(listed, list) and listed:
            moves = [str(move) for move in cast("list[Any]", listed)]
            # our reader takes replies without case, so such moves would be one
            if len({move.strip().casefold() for move in moves}) == len(moves):
                return moves
    return None
