"""Openings of random moves: games begin off the paths that the learner has come to play."""

from __future__ import annotations

from random import Random

from ...arenas.match import Start
from ...envs.registry import Game
from ...envs.table import Table
from ...envs.types import Reply
from ..config import ConfigError

TRIES = 100
"""Openings after which no player moves are drawn again so often; then the game begins at its beginning."""


def opening(game: Game, seed: int, least: int, most: int, rng: Random) -> Start | None:
    """A game after random legal moves, their number drawn evenly from `least` to `most`; None for 0.

    Every move of every seat is drawn evenly from those that the game lists. Raises ConfigError where it lists
    none.
    """
    for _ in range(TRIES):
        table, wanted = Table(game, seed), rng.randint(least, most)
        while _moving(table) and len(table.turns) < wanted:
            table.answer([Reply(rng.choice(_listed(game, ask.choices))) for ask in table.asks])
        if _moving(table):
            return _start(table) if wanted else None
    return None


def _moving(table: Table) -> bool:
    """Whether players are to move: not a judge, not code that is to run, and not the end."""
    seats = {ask.seat for ask in table.asks}
    return bool(seats) and not any(table.game.role_of[seat] in table.game.judges for seat in seats)


def _listed(game: Game, choices: tuple[str, ...] | None) -> tuple[str, ...]:
    if not choices:
        raise ConfigError(
            f"starts.random plays moves that a game lists, and {game.id} asks for one without a list; set "
            "starts.random = 0"
        )
    return choices


def _start(table: Table) -> Start:
    """What a table has come to, as a game that others go on with."""
    turns = len(table.turns)
    table.truncate("an opening")
    return Start(table.episode({}), turns)
