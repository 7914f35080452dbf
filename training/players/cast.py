"""Which learner plays which role, and which learners learn in a step."""

from __future__ import annotations

from collections.abc import Sequence

from ...envs.registry import Game
from ..config import MAIN, Config, LearnerTable, learner_names, learner_of
from .opponents import LEARNER


class Cast:
    """The learners of a run. `main` plays under the name `learner`, the others under their own."""

    def __init__(self, config: Config) -> None:
        self._roles = config.cast
        self._learners = config.learners
        self.names: Sequence[str] = [
            _played(name) for name in learner_names(config.cast, config.learners)
        ]

    def of(self, game: Game, role: str, seat: str = "") -> str:
        """The name under which the learner of a role, or of one of its seats, plays."""
        return _played(learner_of(self._roles, game, role, seat))

    def judges(self, game: Game) -> tuple[str, ...]:
        """The game's roles that grade and are played by no learner that the cast names."""
        named = self._roles.keys()
        return tuple(role for role in game.judges if not {role, f"{game.id}/{role}"} & named)

    def due(self, step: int) -> list[str]:
        """The learners that learn in this step, counted from 0."""
        tables = {_played(name): table for name, table in self._learners.items()}
        return [
            name for name in self.names if (step + 1) % tables.get(name, LearnerTable()).every == 0
        ]


def _played(name: str) -> str:
    """The name that a learner plays under."""
    return LEARNER if name == MAIN else name
