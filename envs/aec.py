"""Games as PettingZoo environments, and the way back.

Importing this module registers every game with PettingZoo's own registry, so that
`pettingzoo.make("aec", "sparring/kuhn-poker-v0")` finds it, also one that is loaded later; games in which
all seats always move at once can be made as `parallel`, too.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import gymnasium
import pettingzoo

from .blocking_verifier import Opener, Verdicts, Verifies
from .from_aec import from_aec
from .registry import NAMESPACES, Game, GameError, find, game_ids, listen
from .replay import replay
from .spaces import AnyText, observation, observation_space
from .table import Answer, Table
from .types import Reply, Value

Observations: TypeAlias = dict[str, dict[str, str]]
Infos: TypeAlias = dict[str, dict[str, Any]]

__all__ = ["GameEnv", "ParallelGameEnv", "from_aec", "info", "make", "make_parallel", "register"]


class GameEnv(pettingzoo.AECEnv[str, dict[str, str], str]):
    """A game as an AEC environment; agents are its seats, actions and observations are texts.

    `infos[agent]` holds `choices` (the legal moves, where the game lists them), `messages` (the view as
    values), `retry`, `credits` (named rewards so far) and, once over, `ending`. An illegal text leaves
    `agent_selection` where it is, and the prompt says why; too many end the game by forfeit. Rewards are 0
    until the end, then the payoff (judges get 0). Simultaneous asks are taken in seat order, each unseen
    by the others. `reset()` without a seed goes on to the next one, starting at 0.

    Copies and pickles play the game again from its answers; a copy shares the verifier.
    """

    def __init__(
        self,
        game: Game,
        *,
        verifier: str | Opener | Verifies = "auto",
        render_mode: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.game = game
        self.metadata = {
            "name": game.id,
            "render_modes": ["ansi"],
            # PettingZoo makes only those parallel that say they can be
            "is_parallelizable": game.simultaneous,
        }
        self.render_mode = render_mode
        self.possible_agents = list(game.seats)
        self.observation_spaces = {seat: _space() for seat in game.seats}
        self.action_spaces = {seat: AnyText() for seat in game.seats}

        self.verdicts = Verdicts(verifier)
        self._seed = seed - 1  # the first reset goes on to `seed`
        self._heard: list[Reply] = []

    def observation_space(self, agent: str) -> gymnasium.Space[dict[str, str]]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[str]:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._seed = self._seed + 1 if seed is None else seed
        self.table = Table(self.game, self._seed)
        self.agents = list(self.game.seats)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        # replies to a half-answered ask belong to the game before
        self._heard = []
        self._move_on()

    def observe(self, agent: str) -> dict[str, str]:
        return observation(self.table.view(agent))

    def step(self, action: str) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            # once over, PettingZoo steps each seat with None, and so lets it leave
            self._was_dead_step(action)
            return

        # PettingZoo's sum counts what a seat earned since its own last step
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()

        # seats that move at once speak in turn here; the game hears them together
        self._heard.append(Reply(action))
        if len(self._heard) == len(self.table.asks):
            self.table.answer(self._heard)
            self._heard = []

        self._move_on()
        self._accumulate_rewards()

    def render(self) -> str | None:
        """The replies so far, one line each (render mode `ansi`)."""
        return "\n".join(f"{turn.seat}: {turn.reply.text}" for turn in self.table.turns)

    def close(self) -> None:
        """Release the verifier, if one was opened here."""
        self.verdicts.close()

    def _move_on(self) -> None:
        """Settle jobs; then the next seat is to move, or the game is over."""
        table = self.table
        self.verdicts.settle(table)
        # a fault is no player's: given back as rewards, it would be trained on
        if table.fault:
            raise table.fault

        if table.ending:
            over = self.truncations if table.ending.kind == "truncated" else self.terminations
            # all seats are over at once; each then takes its dead step, in seat order
            over.update(dict.fromkeys(self.agents, True))
            self.rewards.update(table.payoff)
            self.agent_selection = self.agents[0]
        else:
            # as many asks are answered as replies were heard, so this one is next
            self.agent_selection = self.table.asks[len(self._heard)].seat
        self.infos = {seat: info(table, seat) for seat in self.agents}

    def __getstate__(self) -> dict[str, Any]:
        # a running script cannot be copied, so its answers are, and it is played again
        state = dict(self.__dict__)
        table = state.pop("table", None)
        state["answers"] = None if table is None else list(table.answers)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        answers: list[Answer] | None = state.pop("answers")
        self.__dict__.update(state)
        if answers is not None:
            # replies to an ask that is half answered are still in `_heard`
            self.table = replay(self.game, self._seed, answers)


class ParallelGameEnv(pettingzoo.ParallelEnv[str, dict[str, str], str]):
    """All seats answer in one step. `infos[agent]["choices"]` lists legal moves where the game does.

    After an illegal text only the seats at fault are asked again; `infos[agent]["asked"]` says which, and
    the actions of the others are ignored in that step. Seeds as in GameEnv. Raises GameError for a game
    that does not ask all seats at once.
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
                f"{game.id} does not ask all seats at once; use it as an AEC environment "
                "(if it does, declare simultaneous=True)"
            )

        self.game = game
        self.metadata = {"name": game.id, "render_modes": ["ansi"]}
        self.render_mode = render_mode
        self.possible_agents = list(game.seats)
        self.agents = []
        self.observation_spaces = {seat: _space() for seat in game.seats}
        self.action_spaces = {seat: AnyText() for seat in game.seats}

        self.verdicts = Verdicts(verifier)
        # the first reset without a seed goes on to 0
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
        # a retry asks only the seats at fault, so the actions of others are not read
        table.answer([Reply(actions[ask.seat]) for ask in table.asks])
        self.verdicts.settle(table)
        if table.fault:
            raise table.fault

        kind = table.ending.kind if table.ending else None
        # the payoff is empty before the end and never names a judge: both are 0 here
        rewards = {seat: table.payoff.get(seat, 0.0) for seat in self.agents}
        terminated = dict.fromkeys(self.agents, kind in ("outcome", "forfeit"))
        truncated = dict.fromkeys(self.agents, kind == "truncated")

        # the end is shown to all seats as well, so the views come before the agents go
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


def _space() -> Any:
    # PettingZoo types a space by its observations, gymnasium's Dict by its parts
    return observation_space()


def info(table: Table, seat: str) -> dict[str, Any]:
    """What stands beside a seat's observation; see GameEnv."""
    asked = next((ask for ask in table.asks if ask.seat == seat), None)
    credits: dict[str, float] = {}
    for turn in table.turns:
        for name, amount in turn.credits.items() if turn.seat == seat else ():
            credits[name] = credits.get(name, 0.0) + amount
    return {
        "choices": asked.choices if asked else None,
        "retry": asked.retry if asked else 0,
        "messages": table.view(seat),
        "credits": credits,
        "ending": table.ending.kind if table.ending else None,
    }


def make(
    id: str,
    *,
    verifier: str | Opener | Verifies = "auto",
    render_mode: str | None = None,
    **parameters: Value,
) -> GameEnv:
    """The game of this id as a PettingZoo AEC environment.

    `verifier` is opened at the first job: a name (`auto`, `docker`, `local`), a callable, or an open one.
    Raises UnknownGameError, naming the nearest, or ParameterError.
    """
    return GameEnv(find(id, **parameters), verifier=verifier, render_mode=render_mode)


def make_parallel(
    id: str,
    *,
    verifier: str | Opener | Verifies = "auto",
    render_mode: str | None = None,
    **parameters: Value,
) -> ParallelGameEnv:
    """The game of this id, in which all seats move at once, as a PettingZoo parallel environment."""
    return ParallelGameEnv(find(id, **parameters), verifier=verifier, render_mode=render_mode)


def register() -> None:
    """Register with PettingZoo every game that can be found and is not registered yet."""
    for id in game_ids():
        _register(id)


def _register(id: str) -> None:
    if id.partition("/")[0] in NAMESPACES:
        return  # another library's game: it may be PettingZoo's own

    # PettingZoo allows one slash in a name
    name = f"sparring/{id.replace('/', '--')}"
    if name not in pettingzoo.aec_registry:
        pettingzoo.register("aec", name, partial(make, id))
    # a game of turns is there too, so that asking for it says why it cannot be had
    if name not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", name, partial(make_parallel, id))


register()
listen(_register)
