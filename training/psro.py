"""The pool of a run that trains best responses: what its policies gain from each other, and its solution."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

from ..agents.language.exact import ExactError, behaviour
from ..agents.language.transformer import Transformer
from ..agents.policy import Policy
from ..agents.run_folder import RunFolder, step_name
from ..agents.seats import seat
from ..arenas.executors.local import Local
from ..arenas.fixture import places
from ..arenas.ratings.crosstable import crosstable
from ..arenas.results import complete
from ..arenas.store.reading import Archive
from ..arenas.tournament import tournament
from ..envs.exact import Behaviour, Tree, seated
from ..envs.mixture import mixture
from ..envs.registry import Game
from ..sandbox.verifier import Verifier
from .config import Config, ConfigError
from .mixtures import Mixture, keep, mixed, mixtures
from .players.learner import sampling
from .players.opponents import fixed
from .watch.evaluate import exact_tree
from .watch.records import Metrics

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]
"""Plays games to their end."""


class Pool:
    """The first policy and what each phase ended with, in a zero-sum game of two.

    Payoffs are exact where the tree can be walked and every policy gives its odds; else `opponents.pairs` are
    played, which stand in the run's store. Raises ConfigError for another game.
    """

    def __init__(
        self, config: Config, game: Game, folder: Path, verifier: Verifier, run: Run
    ) -> None:
        if game.sum != "zero" or len(places(game)) != 2 or game.score is None:
            raise ConfigError(
                f"opponents.mode = psro solves zero-sum games of two places with a score; {game.id} is none"
            )
        self._config = config
        self._game = game
        self._folder = folder
        self._verifier = verifier
        self._run = run
        self._tree = exact_tree(game)

    def solve(self, step: int, ends: Sequence[int]) -> Mixture:
        """The mixture over the first policy and the checkpoints of these steps, kept as that of `step`."""
        known = [each for each in mixtures(self._folder) if each.step == step]
        if known and tuple(known[0].pool) == (0, *ends):
            return known[0]

        pool = (0, *ends)
        odds = self._odds(pool)
        payoffs = self._played(pool) if odds is None else self._exact(odds)
        weights = mixed(payoffs, self._config.opponents.meta)
        conv = None
        if odds is not None and self._tree is not None:
            conv = self._tree.nash_conv(mixture(self._tree, odds, weights))

        found = Mixture(step, pool, weights, payoffs, conv)
        keep(self._folder, found)
        return found

    def _policy(self, step: int) -> Policy:
        """A policy of the pool. One at a time is loaded: each may be a model of its own."""
        if not step:
            return fixed(self._config, self._game, sampling(self._config))
        return seat(f"{self._folder}@{step}", self._game, sampling=sampling(self._config))

    def _odds(self, pool: Sequence[int]) -> list[Behaviour] | None:
        """What each policy does everywhere; None where that cannot be known."""
        if self._tree is None:
            return None
        found: list[Behaviour] = []
        for step in pool:
            policy = self._policy(step)
            if own := getattr(policy, "odds", None):
                # a player without a model may tell them
                found.append(cast(Behaviour, own))
                continue
            if not isinstance(policy, Transformer) or policy.dialect.thinks:
                return None
            try:
                found.append(behaviour(policy, self._tree.infosets)[0])
            except ExactError:
                return None
        return found

    def _exact(self, odds: Sequence[Behaviour]) -> list[list[float]]:
        assert self._tree
        count = len(odds)
        table = [[0.0] * count for _ in odds]
        for i in range(count):
            for j in range(i):
                gained = gain(self._tree, odds[i], odds[j])
                table[i][j], table[j][i] = gained, -gained
        return table

    def _played(self, pool: Sequence[int]) -> list[list[float]]:
        table = [[0.0] * len(pool) for _ in pool]
        for i, later in enumerate(pool):
            own = self._policy(later)
            for j, earlier in enumerate(pool[:i]):
                gained = self._meeting(own, self._policy(earlier))
                table[i][j], table[j][i] = gained, -gained
        return table

    def _meeting(self, own: Policy, other: Policy) -> float:
        """What one gains from the other, by pairs of games; those that the store has are not played again."""
        # equal weights gain nothing from each other
        if own.ref.id == other.ref.id:
            return 0.0
        path = RunFolder(self._folder).store
        tournament(
            self._game,
            [own, other],
            path,
            pairs=self._config.opponents.pairs,
            executor=partial(Local, verifier=self._verifier),
            run=self._run,
        )
        ids = {own.ref.id, other.ref.id}
        with Archive(path) as archive:
            rows = [
                row
                for row in archive.rows(self._game, voids=False)
                if {place.entrant for place in row.places} <= ids
            ]
        kind = self._game.score or "win"
        cell = crosstable(complete(rows), kind)[0]
        score = (cell if cell.a == own.ref.id else cell.turned).score.value
        return 2 * score - 1 if kind == "win" else score


def gain(walked: Tree, own: Behaviour, other: Behaviour) -> float:
    """What one policy is paid against another, the mean over both seatings."""
    one, two = walked.game.seats
    first = walked.values(seated({one: own, two: other}))[one]
    second = walked.values(seated({one: other, two: own}))[two]
    return (first + second) / 2


def measured(found: Mixture) -> Metrics:
    """A solved pool in numbers: `psro/nashconv`, `psro/size`, and `psro/weight/…` of each policy."""
    numbers: Metrics = {"psro/size": len(found.pool)}
    if found.nashconv is not None:
        numbers["psro/nashconv"] = found.nashconv
    named = zip(found.pool, found.weights, strict=True)
    return numbers | {f"psro/weight/{step_name(at)}": weight for at, weight in named}


def recorded(folder: Path, numbers: Metrics) -> bool:
    """Whether the run's last record has these numbers: a phase that is begun once more has been told of."""
    return any(
        record["step"] == numbers["step"] and numbers.keys() <= record.keys()
        for record in RunFolder(folder).records()[-1:]
    )


def told(found: Mixture) -> str:
    """A solved pool in a line."""
    conv = "" if found.nashconv is None else f", NashConv {found.nashconv:.4f}"
    named = zip(found.pool, found.weights, strict=True)
    shares = ", ".join(f"{step_name(at)} {weight:.2f}" for at, weight in named if weight > 0.005)
    return f"psro: {len(found.pool)} policies{conv}; met next: {shares}"
