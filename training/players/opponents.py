"""Who sits beside the learner: itself, one fixed entrant, its own past, or whom a league names.

Every choice is keyed by the run's seed, the step and the game's place in it, and whatever else it rests
on stands in checkpoints: a run that is resumed meets the opponents of one that was never stopped.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ...agents.policy import Policy, Sampling
from ...agents.run_folder import scheduled
from ...arenas.fixture import places
from ...arenas.plan.rounds import seed_of
from ...envs.registry import Game
from ...envs.types import Episode
from ..config import Config, ConfigError
from .standing import ALONE, Standing

LEARNER = "learner"
Seats: TypeAlias = Mapping[str, Policy]
Ancestors: TypeAlias = Callable[[int], Policy]
"""The policy that a checkpoint of this run holds, by its step."""


class Opponents(Protocol):
    """Seats the games of a step."""

    def begin(self, step: int) -> None:
        """Look at what there is before the games of a step (checkpoints, snapshots)."""
        ...

    def seats(self, step: int, number: int, learner: Policy) -> Seats:
        """Who sits in each player's seat in the step's game `number`; its replicates are seated alike.

        Judges' seats are not among them.
        """
        ...

    def record(self, episodes: Sequence[Episode]) -> None:
        """Learn how the step's games ended, given in issue order."""
        ...

    def reasons(self) -> Mapping[str, int]:
        """Why the step's games were given the opponents that they have: how often each reason."""
        ...

    def state(self) -> dict[str, Any]:
        """All that later choices rest on beside files of checkpoints, as JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


class Mirror:
    """The learner in every seat."""

    def __init__(self, game: Game) -> None:
        self._game = game

    def begin(self, step: int) -> None:
        """Nothing to look at."""

    def seats(self, step: int, number: int, learner: Policy) -> Seats:
        return dict.fromkeys(self._game.players, learner)

    def record(self, episodes: Sequence[Episode]) -> None:
        """Nothing to learn."""

    def reasons(self) -> Mapping[str, int]:
        return {}

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


class Fixed(Mirror):
    """The learner against one entrant, in each of its places in turn, and a share against itself."""

    def __init__(self, config: Config, game: Game, opponent: Policy | None = None) -> None:
        super().__init__(game)
        self._config = config
        self._places = learner_places(config, game)
        self._opponent = opponent

    def seats(self, step: int, number: int, learner: Policy) -> Seats:
        # `rollbacks` is in the key: after a step back the draws must be others.
        rng = random.Random(
            seed_of("opponents", self._config.seed, self._config.rollbacks, step, number)
        )
        if rng.random() < self._config.opponents.mirror:
            return super().seats(step, number, learner)
        other = self._drawn(step, rng)
        # Before the first checkpoint there is no past to meet.
        if other is None:
            return super().seats(step, number, learner)
        # The step shifts the places: few games a step still reach all in time.
        return seated(self._game, learner, self._places[(step + number) % len(self._places)], other)

    def _drawn(self, step: int, rng: random.Random) -> Policy | None:
        """The opponent of one game; None for the learner itself."""
        return self._opponent


class Past(Fixed):
    """The learner against its own checkpoints, each as likely; itself while there are none."""

    def __init__(
        self,
        config: Config,
        game: Game,
        folder: Path,
        ancestors: Ancestors,
        place: Standing = ALONE,
    ) -> None:
        super().__init__(config, game)
        self._place = place
        self._folder = folder
        self._ancestors = ancestors
        self._steps: list[int] = []

    def begin(self, step: int) -> None:
        # A run that is resumed from an old step finds later ones, which are not its past.
        known = [at for at in scheduled(self._folder) if at <= self._place.offset + step]
        # nor are those of other members
        self._steps = [at for at in known if self._place.mine(at)]

    def _drawn(self, step: int, rng: random.Random) -> Policy | None:
        return self._ancestors(rng.choice(self._steps)) if self._steps else None


def fixed(config: Config, game: Game, sampling: Sampling) -> Policy:
    """The entrant of `fixed` games. Raises ConfigError where there is none, and UnknownEntrantError."""
    from ...agents.seats import seat

    entrant = config.opponents.entrant
    # The learner itself is mode mirror, and a person cannot keep pace with training.
    if not entrant or entrant in (LEARNER, "human"):
        raise ConfigError(
            f"opponents.mode = fixed needs opponents.entrant; it is {entrant!r}, and may be a player of "
            f"{game.id} (random, nash …), a model, a folder or RUN@STEP"
        )
    return seat(entrant, game, sampling=sampling)


def learner_places(config: Config, game: Game) -> tuple[str, ...]:
    """Where the learner may sit: the rated places of the trained roles. Raises ConfigError."""
    trained = config.credits.trained
    found = [p for p in places(game) if not trained or game.role_of.get(p, p) in trained]
    if len(places(game)) < 2 or not found:
        raise ConfigError(
            f"{game.id} seats nobody beside the learner: its places are {', '.join(places(game))}, trained "
            f"are {', '.join(trained) or 'all'}; use opponents.mode = mirror"
        )
    return tuple(found)


def seated(game: Game, learner: Policy, place: str, other: Policy) -> Seats:
    """The learner in a place (a seat, or all of a role), the other in all other players' seats."""
    return {
        seat: learner if place in (seat, game.role_of[seat]) else other for seat in game.players
    }
