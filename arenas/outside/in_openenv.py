# The library lives in an environment of its own (.ci/outside.sh), so types are not found here.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUnknownParameterType=false
"""A game as an environment of OpenEnv: one seat is played over its server, the others here.

The library is imported here and nowhere else; an exported package calls `application`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, EnvironmentMetadata, Observation, State
from pydantic import Field

from ...envs.background import Background
from ...envs.types import Episode
from ...sandbox.choose import Lazy
from ..transcript import write
from .desk import Desk
from .plan import read

AT_ONCE = 256
"""Sessions of one server."""


class Say(Action):
    """A reply of the seat."""

    text: str = Field(description="the whole reply")


class Seen(Observation):
    """What the seat is asked; once the game is over, how it ended.

    `prompt` is what is new to the seat, `messages` the whole conversation for a chat template. `reward` is
    the seat's payoff, at the end.
    """

    prompt: str = ""
    messages: list[dict[str, str]] = Field(default_factory=list[dict[str, str]])
    choices: list[str] | None = None
    seat: str = ""
    ending: str = ""
    payoff: dict[str, float] = Field(default_factory=dict[str, float])
    transcript: str = ""


class Place:
    """What all sessions of a server share: the game, its players, a loop, a verifier."""

    def __init__(self, folder: Path) -> None:
        self.plan = read(folder)
        self.game = self.plan.find(folder)
        self.others = self.plan.policies(self.game)
        self.verifier = Lazy()
        self.loop = Background("game")


class GameEnvironment(Environment[Say, Seen, State]):
    """One session: `reset(seed, seat)` begins a game, `step` answers what the seat is asked.

    Without a seed games go on to the next one; `seat` is the first of the plan unless given.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place
        self._desk: Desk | None = None
        self._next = place.plan.seed
        self._seat = place.plan.seats[0]
        self._state = State(episode_id=str(uuid4()), step_count=0)

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        seat: str | None = None,
        **kwargs: Any,
    ) -> Seen:
        plan = self._place.plan
        if seat is not None and seat not in plan.seats:
            raise ValueError(f"no open seat {seat!r}; there are: {', '.join(plan.seats)}")
        self.close()

        self._seat = seat or plan.seats[0]
        seed = self._next if seed is None else seed
        self._next = seed + 1
        self._state = State(episode_id=episode_id or str(uuid4()), step_count=0)
        return self._place.loop.wait(self._begin(seed))

    def step(self, action: Say, timeout_s: float | None = None, **kwargs: Any) -> Seen:
        if self._desk is None:
            raise ValueError("no game is under way: call reset first")
        self._state.step_count += 1
        return self._place.loop.wait(self._answer(self._desk, action.text))

    @property
    def state(self) -> State:
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        game = self._place.game
        return EnvironmentMetadata(name=game.id, description=game.about, version="1")

    def close(self) -> None:
        if self._desk is not None:
            self._place.loop.wait(self._desk.close())
            self._desk = None

    async def _begin(self, seed: int) -> Seen:
        place = self._place
        self._desk = Desk(place.game, (self._seat,), place.others, seed, verifier=place.verifier)
        return await self._seen(self._desk)

    async def _answer(self, desk: Desk, text: str) -> Seen:
        desk.answer(self._seat, text)
        return await self._seen(desk)

    async def _seen(self, desk: Desk) -> Seen:
        asked = await desk.asked()
        if asked is not None:
            return Seen(
                prompt=asked.news,
                messages=asked.messages,
                choices=list(asked.choices) if asked.choices else None,
                seat=asked.seat,
            )
        self._desk = None
        return _ended(self._seat, await desk.episode())


def _ended(seat: str, episode: Episode) -> Seen:
    if episode.ending.kind == "error":
        # a fault is no player's: given as a reward, it would be trained on
        raise RuntimeError(f"{episode.game.label}: {episode.ending.reason}")
    return Seen(
        done=True,
        reward=float(episode.payoff.get(seat, 0.0)),
        seat=seat,
        ending=episode.ending.kind,
        payoff=dict(episode.payoff),
        transcript=write(episode),
    )


def application(folder: Path) -> Any:
    """The ASGI application of the game whose plan stands in `folder`. Raises ExportError."""
    place = Place(folder)
    return create_app(
        partial(GameEnvironment, place),
        Say,
        Seen,
        env_name=place.game.id,
        max_concurrent_envs=AT_ONCE,
    )
