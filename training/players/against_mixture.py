"""The learner against a mixture of what earlier phases ended with: the oracle's step of PSRO."""

from __future__ import annotations

import random
from pathlib import Path

from ...agents.policy import Policy
from ...envs.registry import Game
from ..config import Config
from ..mixtures import mixture_at
from .opponents import Ancestors, Fixed
from .standing import Standing


class AgainstMixture(Fixed):
    """Each game against one policy of the pool, drawn by the mixture that was solved as the stage began.

    The pool is `start`, then the checkpoint of each stage's end.
    """

    def __init__(
        self,
        config: Config,
        game: Game,
        folder: Path,
        start: Policy,
        ancestors: Ancestors,
        place: Standing,
    ) -> None:
        super().__init__(config, game)
        self._start = start
        self._ancestors = ancestors
        self._mixture = mixture_at(folder, place.offset)

    def _drawn(self, step: int, rng: random.Random) -> Policy | None:
        at = rng.choices(self._mixture.pool, self._mixture.weights)[0]
        return self._ancestors(at) if at else self._start
