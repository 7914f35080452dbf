"""Histories that games go on from: branches inside a step, and restarts from steps before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import pstdev
from typing import Any

from ...arenas.match import Match, Start
from ...arenas.transcript import read, write
from ...envs.registry import Game
from ...envs.replay import replay_episode
from ...envs.seeds import generator
from ...envs.table import TableError
from ...envs.types import Episode
from ..config import Config
from ..data.branches import Branches
from .openings import opening


@dataclass(frozen=True)
class History:
    """The first `turns` turns of a game, and how far the outcomes that came of them lay apart."""

    label: str
    episode: Episode
    turns: int
    spread: float

    def same(self, other: History) -> bool:
        return (self.label, self.turns, self.episode) == (other.label, other.turns, other.episode)


class Histories:
    """The histories of a run's games, as ExIt keeps them (Jiang et al. 2025).

    A group of games from one start gives its start the spread (standard deviation) of their payoffs, and
    offers one further history, which counts as much until it is measured itself. Draws go by spread.
    """

    def __init__(self, config: Config, learners: Collection[str]) -> None:
        self._config = config
        self._learners = frozenset(learners)
        self._kept: list[History] = []

    def start(self, step: int, index: int, game: Game, seed: int) -> Start | None:
        """Where the step's place begins: at a history, which has its own seed, or after random moves.

        None: at the game's beginning.
        """
        if history := self._drawn(step, index, game.ref.label):
            return Start(history.episode, history.turns)
        least, most = self._config.starts.random_least, self._config.starts.random
        rng = self._rng(step, f"opening/{index}")
        return opening(game, seed, least, most, rng) if most else None

    def _drawn(self, step: int, index: int, label: str) -> History | None:
        """The history that the step's place begins at, if any."""
        share = self._config.starts.share
        known = [each for each in self._kept if each.label == label] if share else []
        rng = self._rng(step, f"place/{index}")
        if not known or rng.random() >= share:
            return None
        weights = [each.spread for each in known]
        # None of them is known to be worth more than another.
        return rng.choices(known, weights if any(weights) else None)[0]

    def branched(
        self, matches: Sequence[Match], episodes: Sequence[Episode]
    ) -> tuple[list[Match], Branches]:
        """The games that continue those of a step, and which is whose."""
        further, cuts, origin = list[Match](), dict[int, int](), dict[int, int]()
        copies = self._config.starts.branches - 1
        for place, (match, episode) in enumerate(zip(matches, episodes, strict=True)):
            cut = next(iter(self._cuts(episode)), None) if copies else None
            if cut is None or not _possible(match.game, episode, cut):
                continue
            cuts[place] = cut
            start = Start(episode, cut)
            for copy in range(copies):
                origin[len(matches) + len(further)] = place
                # Beyond all replicates of the step, so that no two games of a seed share their noise.
                number = match.replicate + (copy + 1) * self._config.rollout.replicates
                further.append(replace(match, replicate=number, start=start))
        return further, Branches(cuts, origin)

    def learn(self, step: int, matches: Sequence[Match], episodes: Sequence[Episode]) -> None:
        """Take in a step's games, those that were branched left out."""
        if not self._config.starts.share:
            return
        size = self._config.rollout.replicates
        for first in range(0, len(episodes), size):
            group = [e for e in episodes[first : first + size] if e.ending.kind != "error"]
            if len(group) > 1:
                self._measured(matches[first], group, self._rng(step, f"group/{first}"))
        # The sort is stable: of those alike the older go first.
        self._kept.sort(key=lambda each: each.spread)
        del self._kept[: -self._config.starts.most]

    def _measured(self, match: Match, group: Sequence[Episode], rng: Random) -> None:
        label, start = match.game.ref.label, match.start
        spread = _spread(group, self._learners)
        fresh: list[History] = []
        if start is not None:
            fresh.append(History(label, start.episode, start.turns, spread))
        episode = rng.choice(group)
        cuts = self._cuts(episode)
        if cuts and _possible(match.game, episode, cut := rng.choice(cuts)):
            fresh.append(_history(label, episode, cut, spread))
        for each in fresh:
            # Measured anew, and not kept twice.
            self._kept = [kept for kept in self._kept if not kept.same(each)]
            self._kept.append(each)

    def _cuts(self, episode: Episode) -> list[int]:
        """Where a history may end: before the turn that is named, and each later one of a learner's seat."""
        settings = self._config.starts
        counts: dict[str, int] = {}
        found: list[int] = []
        for index, turn in enumerate(episode.turns):
            if turn.retry or episode.seats[turn.seat].name not in self._learners:
                continue
            if settings.role and turn.role != settings.role:
                continue
            counts[turn.seat] = counts.get(turn.seat, 0) + 1
            if counts[turn.seat] >= settings.turn and index > episode.begun:
                found.append(index)
        return found

    def _rng(self, step: int, what: str) -> Random:
        return generator(f"starts/{self._config.seed}/{self._config.rollbacks}/{step}/{what}")

    def state(self) -> list[Any]:
        """What the next steps depend on, as JSON values."""
        return [[each.label, write(each.episode), each.turns, each.spread] for each in self._kept]

    def restore(self, state: Sequence[Sequence[Any]]) -> None:
        self._kept = [History(label, read(text), turns, s) for label, text, turns, s in state]


def _possible(game: Game, episode: Episode, turns: int) -> bool:
    """Whether a game can go on from there; not where a simultaneous move would be cut in two."""
    try:
        return replay_episode(game, episode, turns).ending is None
    except TableError:
        return False


def _history(label: str, episode: Episode, turns: int, spread: float) -> History:
    """Cut to its turns, without what was sampled: as it is read again from a checkpoint."""
    episode = replace(episode, turns=episode.turns[:turns], begun=0)
    return History(label, read(write(episode)), turns, spread)


def _spread(group: Sequence[Episode], learners: Collection[str]) -> float:
    """The greatest deviation of what a learner's seat was paid."""
    paid: dict[str, list[float]] = {}
    for episode in group:
        for seat, amount in episode.payoff.items():
            if episode.seats[seat].name in learners:
                paid.setdefault(seat, []).append(amount)
    return max((pstdev(amounts) for amounts in paid.values()), default=0.0)
