"""A game in which all seats always move at once, as a PettingZoo parallel environment."""

from __future__ import annotations

from typing import Any, cast

import gymnasium
import pettingzoo

from .blocking_verifier import Opener, Verdicts, Verifies
from .registry import Game, GameError
from .spaces import AnyText, observation, observation_space
from .table import Table
from .types import Reply

Observations = dict[str, dict[str, str]]
Infos = dict[str, dict[str, Any]]


class ParallelGameEnv(pettingzoo.ParallelEnv[str, dict[str, str], str]):
    """All seats answer in one step. `infos[agent]["choices"]` lists legal moves where the game does.

    After an illegal text only the seats at fault are asked again; `infos[agent]["asked"]` says who, and
    the actions of the others are ignored in that step. Seeds as in GameEnv.
    """

    def __init__(
        self,
        game: Game,
        *,
        verifier: str | Opener | Verifies = "auto",
        render_mode: str | None = None,
    ) -> None:
        if not game.simultaneous:
            raise GameError(
                f"{game.id} does not ask all seats at once; use it as an AEC environment"
            )
        self.game = game
        self.metadata = {"name": game.id, "render_modes": ["ansi"]}
        self.render_mode = render_mode
        self.possible_agents = list(game.seats)
        self.agents = []
        self.observation_spaces = {seat: cast(Any, observation_space()) for seat in game.seats}
        self.action_spaces = {seat: AnyText() for seat in game.seats}
        self.verdicts = Verdicts(verifier)
        self._seed = -1

    def observation_space(self, agent: str) -> gymnasium.Space[dict[str, str]]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[str]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, Infos]:
        self._seed = self._seed + 1 if seed is None else seed
        self.table = Table(self.game, self._seed)
        self.agents = list(self.game.seats)
        self.verdicts.settle(self.table)
        return self._observed()

    def step(
        self, actions: dict[str, str]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        table = self.table
        table.answer([Reply(actions[ask.seat]) for ask in table.asks])
        self.verdicts.settle(table)
        if table.fault:
            raise table.fault
        kind = table.ending.kind if table.ending else None
        rewards = {seat: table.payoff.get(seat, 0.0) for seat in self.agents}
        terminated = dict.fromkeys(self.agents, kind in ("outcome", "forfeit"))
        truncated = dict.fromkeys(self.agents, kind == "truncated")
        observations, infos = self._observed()
        if kind:
            self.agents = []
        return observations, rewards, terminated, truncated, infos

    def render(self) -> str | None:
        """The replies so far, one line each (render mode `ansi`)."""
        return "\n".join(f"{turn.seat}: {turn.reply.text}" for turn in self.table.turns)

    def close(self) -> None:
        """Release the verifier, if one was opened here."""
        self.verdicts.close()

    def _observed(self) -> tuple[Observations, Infos]:
        asked = {ask.seat: ask for ask in self.table.asks}
        views = {seat: self.table.view(seat) for seat in self.agents}
        infos: Infos = {
            seat: {
                "choices": asked[seat].choices if seat in asked else None,
                "asked": seat in asked,
                "messages": views[seat],
                "ending": self.table.ending.kind if self.table.ending else None,
            }
            for seat in self.agents
        }
        return {seat: observation(view) for seat, view in views.items()}, infos
