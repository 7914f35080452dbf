"""One seat of a game as a gymnasium environment; the other seats are played for it.

Importing this module registers every game with gymnasium, so that
`gymnasium.make("sparring/kuhn-poker-v0", seat="first")` finds it, also one that is loaded later.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import gymnasium

from .aec import GameEnv
from .blocking_verifier import Opener, Verifies
from .players import sensible
from .registry import NAMESPACES, Game, GameError, Player, find, game_ids, listen
from .types import Message, Value


class Solo(gymnasium.Env[dict[str, str], str]):
    """The seat's view in, a text out, the payoff as reward at the end.

    `others` maps a seat to its player: a function of (seat, view, choices) to a reply or to odds over the
    choices, or the name of one that the game ships. Seats that are not named choose at random among
    listed choices, and else say what the prompt gives as an example. `info` is GameEnv's for the seat.
    Where a game ends before the seat is asked, the reset goes on to the next seeds, at most 20, and says
    how many in `info["skipped"]`.
    """

    def __init__(
        self,
        game: Game,
        seat: str,
        others: Mapping[str, Player | str] | None = None,
        *,
        verifier: str | Opener | Verifies = "auto",
        render_mode: str | None = None,
    ) -> None:
        if seat not in game.players:
            raise GameError(f"{game.id} has the players {', '.join(game.players)}, not {seat!r}")

        given = others or {}
        wrong = [name for name in given if name not in game.seats or name == seat]
        if wrong:
            raise GameError(
                f"{', '.join(wrong)}: no other seat of {game.id}; its seats: {', '.join(game.seats)}"
            )

        self.metadata = {"render_modes": ["ansi"]}
        self.render_mode = render_mode
        self.game = game
        self.seat = seat
        self.others = {name: _player(game, player) for name, player in given.items()}

        self.inner = GameEnv(game, verifier=verifier)
        self.observation_space = self.inner.observation_space(seat)
        self.action_space = self.inner.action_space(seat)
        self._rng = random.Random(0)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        # gymnasium seeds its own `np_random` here, which its environment checker looks at
        super().reset(seed=seed)
        skipped = 0

        while True:
            # without a seed the inner environment counts on by itself
            self.inner.reset(seed=None if seed is None else seed + skipped)
            # others at random must play alike again under the same seed, however many games came before
            self._rng = random.Random(f"solo/{self.inner.table.seed}")
            self._others_move()
            # a game that never asks this seat must not be looked for without end
            if self.inner.table.ending is None or skipped == 20:
                return self.inner.observe(self.seat), {
                    **self.inner.infos[self.seat],
                    "skipped": skipped,
                }
            skipped += 1

    def step(self, action: str) -> tuple[dict[str, str], float, bool, bool, dict[str, Any]]:
        self.inner.step(action)
        self._others_move()
        env, seat = self.inner, self.seat
        # whichever seat moved last, the end pays every seat at once
        reward, ended, cut = env.rewards[seat], env.terminations[seat], env.truncations[seat]
        return env.observe(seat), float(reward), ended, cut, env.infos[seat]

    def render(self) -> str | None:  # type: ignore[override]  # gymnasium types it by its own generic
        return self.inner.render()

    def close(self) -> None:
        self.inner.close()

    def _others_move(self) -> None:
        """Play the other seats until it is this seat's turn or the game is over."""
        env = self.inner
        # a refused reply leaves the selection where it is, so that seat is asked again
        while env.table.ending is None and env.agent_selection != self.seat:
            seat = env.agent_selection
            env.step(self._reply(seat, env.table.view(seat)))

    def _reply(self, seat: str, view: tuple[Message, ...]) -> str:
        asked = next(ask for ask in self.inner.table.asks if ask.seat == seat)
        if seat not in self.others:
            return sensible(self.game, asked, view, self._rng)
        choices = asked.choices or ()
        said = self.others[seat](seat, view, choices)
        # odds are drawn by the generator of the seed, so that it plays alike again
        return said if isinstance(said, str) else self._rng.choices(choices, said)[0]


def _player(game: Game, player: Player | str) -> Player:
    if not isinstance(player, str):
        return player
    if player not in game.oracles:
        known = ", ".join(game.oracles) or "none"
        raise GameError(f"{game.id} ships no player {player!r}; its players: {known}")
    return game.oracles[player]


def make(
    id: str,
    seat: str = "",
    others: Mapping[str, Player | str] | None = None,
    *,
    verifier: str | Opener | Verifies = "auto",
    render_mode: str | None = None,
    **parameters: Value,
) -> Solo:
    """One seat (by default the first player's) of the game of this id. Raises UnknownGameError."""
    game = find(id, **parameters)
    seat = seat or game.players[0]
    return Solo(game, seat, others, verifier=verifier, render_mode=render_mode)


def register() -> None:
    """Register with gymnasium every game that can be found and is not registered yet."""
    for id in game_ids():
        _register(id)


def _register(id: str) -> None:
    name = f"sparring/{id.replace('/', '--')}"
    if id.partition("/")[0] not in NAMESPACES and name not in gymnasium.registry:
        gymnasium.register(name, entry_point=partial(make, id))


register()
listen(_register)
