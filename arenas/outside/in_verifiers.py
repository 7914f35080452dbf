# The library lives in an environment of its own (.ci/outside.sh), so types are not found here.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUnknownParameterType=false
"""A game as an environment of verifiers: its open seats are agents, and the game is their user.

The library is imported here and nowhere else; an exported package calls `environment`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import new_class
from typing import Any

import verifiers.v1 as vf
from pydantic import create_model

from ...agents.prompts import chat
from ...envs.adapters.verifiers_chat import Chat
from ...envs.registry import Game
from ...envs.types import Episode, Reply
from ...sandbox.choose import Lazy
from ..transcript import write
from .desk import Asked, Desk
from .plan import Plan, read


class SeedData(vf.TaskData):
    """A task is a seed of the game; who sits where, the plan says."""

    seed: int = 0


class SeedTask(vf.Task[SeedData]):
    """One game, from its seed."""


class GameTaskset(vf.Taskset[SeedTask, vf.TasksetConfig]):
    """The seeds of an exported game."""

    plan: Plan

    def load(self) -> Iterator[SeedTask]:
        for seed in range(self.plan.seed, self.plan.seed + self.plan.games):
            data = SeedData(name=f"{self.plan.game}#{seed}", prompt=None, seed=seed)
            yield SeedTask(data, self.config.task)


class GamePlayed:
    """Plays the game of a task; every open seat is an agent of the seat's name.

    No environment by itself: the library finds an environment's settings in its direct bases.
    """

    plan: Plan
    folder: Path

    async def start(self) -> None:
        self.game: Game = self.plan.find(self.folder)
        self.others = self.plan.policies(self.game)
        self.verifier = Lazy()

    async def stop(self) -> None:
        if hasattr(self, "verifier"):
            await self.verifier.close()

    async def run(self, task: vf.Task, agents: vf.Agents) -> None:
        desk = Desk(self.game, self.plan.seats, self.others, task.data.seed, verifier=self.verifier)
        try:
            async with AsyncExitStack() as stack:
                talks = {
                    seat: await stack.enter_async_context(
                        getattr(agents, seat).interaction(self._opened(task, seat))
                    )
                    for seat in self.plan.seats
                }
                while asked := await desk.asked():
                    desk.answer(asked.seat, await _reply(talks[asked.seat], asked))
                episode = await desk.episode()
                if episode.ending.kind == "error":
                    raise RuntimeError(f"{self.game.id}: {episode.ending.reason}")
            for seat, talk in talks.items():
                _record(talk.trace, seat, episode)
        finally:
            await desk.close()

    def _opened(self, task: vf.Task, seat: str) -> vf.Task:
        """The task with what this seat is told before all else."""
        rules = chat(self.game.role_of[seat], self.game.openings[seat])[0]["content"]
        return task.with_system_prompt(rules)


async def _reply(talk: vf.Interaction, asked: Asked) -> Reply | str:
    segment = await talk.turn(asked.news)
    # an agent at its limit says no more: a reply without an end, as when a model is cut off
    return Reply("", finish="length") if segment.terminated else segment.last_reply


def _record(trace: vf.Trace, seat: str, episode: Episode) -> None:
    """What the seat was paid, as the trace's reward, and the whole game beside it."""
    trace.record_reward("payoff", float(episode.payoff.get(seat, 0.0)))
    trace.record_metric("forfeit", float(seat in episode.ending.seats))
    trace.info["game"] = {"seat": seat, "transcript": write(episode)}


def environment(
    folder: Path, module: str
) -> tuple[type[vf.Taskset], type[vf.Env], type[vf.Harness]]:
    """Taskset, environment and harness of the game whose plan stands in `folder`, for `module`'s `__all__`.

    Raises ExportError.
    """
    plan = read(folder)
    agents: dict[str, Any] = {
        seat: (vf.AgentConfig, vf.AgentConfig(runtime=vf.SubprocessConfig())) for seat in plan.seats
    }
    settings = create_model("GameConfig", __base__=vf.EnvConfig, __module__=module, **agents)

    facts = {"plan": plan, "folder": folder, "__module__": module}
    return (
        type("GameSeeds", (GameTaskset,), facts),
        new_class(
            "GameEnv", (GamePlayed, vf.Env[settings]), exec_body=lambda body: body.update(facts)
        ),
        type("GameChat", (Chat,), {"__module__": module}),
    )
