"""One step of self-play: games are played, collected, credited and packed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..agents.few_shot import Shown
from ..agents.language.transformer import Transformer
from ..agents.policy import Policy, Sampling
from ..agents.seats import seat
from ..arenas.examples import examples
from ..arenas.match import Match
from ..arenas.rollouts import Allowance, play_all
from ..envs.errors import SparringError
from ..envs.registry import Game
from ..envs.seeds import bits
from ..envs.types import Episode, Job, Message, Verdict
from ..sandbox.verifier import Verifier
from .config import Config, ConfigError
from .data.advantage import Baselines, Centre, estimate, export, restore
from .data.batch import Batch, advantages, pack
from .data.collect import Collected, collect
from .players.learner import Itself, Player, sampling
from .players.opponents import LEARNER, Mirror, Opponents, Seats
from .players.tasks import Tasks

LOST = 0.1
"""The share of a step's games that may be lost to faults of the engine."""


class EmptyStepError(SparringError, RuntimeError):
    """No game of a step gave anything to train on."""


class LostGamesError(SparringError, RuntimeError):
    """So many games of a step broke off that those left are a biased lot: mostly the short ones."""


@dataclass(frozen=True)
class Step:
    """What one step played and learned from. `centres` stand beside `collected.outcomes`."""

    number: int
    episodes: Sequence[Episode]
    collected: Collected
    centres: Sequence[Centre]
    credited: Sequence[tuple[float, ...]]
    seconds: dict[str, float]


class Timed:
    """A verifier that adds up the time in which a batch was with it."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._running = 0
        self._since = 0.0
        self.seconds = 0.0

    @property
    def name(self) -> str:
        return self._verifier.name

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        if not self._running:
            self._since = time.perf_counter()
        self._running += 1
        try:
            return await self._verifier.verify(jobs)
        finally:
            self._running -= 1
            if not self._running:
                self.seconds += time.perf_counter() - self._since

    async def close(self) -> None:
        await self._verifier.close()


class SelfPlay:
    """Plays the learner against its opponents, and keeps what estimators and games remember.

    `opponents` are those of a mirror match until others are set; `player` answers for the learner, the
    trained model itself until another is set, which then gets the weights of every step.
    """

    def __init__(
        self,
        config: Config,
        game: Game,
        policy: Transformer,
        *,
        loop: asyncio.AbstractEventLoop,
        verifier: Timed,
    ) -> None:
        _check_roles(config, game)
        self.config = config
        others = config.opponents.mode != "mirror"
        self.credits = replace(config.credits, by_opponent=config.credits.by_opponent or others)
        self.game = game
        self.policy = policy.with_sampling(sampling(config))
        self.player: Player = Itself(self.policy)
        self.opponents: Opponents = Mirror(game)
        self.baselines: Baselines = {}
        self.tasks = Tasks(config.seed)
        self.games = 0
        self.synced = 0.0
        self.tokens = 0
        self.last: Step | None = None
        self._loop = loop
        self._verifier = verifier
        self._judge = judge(config, game) if game.judges else None
        self._examples: Mapping[str, Sequence[Message]] | None = None

    def batch(self, number: int) -> Batch:
        """Play the games of step `number` and pack what there is to learn.

        Raises EmptyStepError when there is nothing, NonFiniteError when a reward is not finite.
        """
        began = time.perf_counter()
        verifying = self._verifier.seconds
        episodes = self.play(number)
        verified = self._verifier.seconds - verifying
        played = time.perf_counter()
        step = self._credit(number, episodes)
        lost = [e.ending.reason for e in episodes if e.ending.source == "engine"]
        if len(lost) > LOST * len(episodes):
            raise LostGamesError(
                f"step {number} is not trained on: its engine failed in {len(lost)} of {len(episodes)} games "
                f"({lost[0]}); resume the run from its last checkpoint"
            )
        if not step.collected.samples:
            raise EmptyStepError(f"step {number} has nothing to train on: {_endings(episodes)}")
        packed = pack(
            step.collected.samples,
            step.credited,
            loss=self.config.update.loss,
            pad=self.policy.dialect.pad,
            fold=self.config.update.fold and self.config.update.iterations == 1,
            multiple=self.config.update.microbatches,
        )
        step.seconds["play"] = played - began - verified - self.synced
        step.seconds["sync"] = self.synced
        step.seconds["verify"] = verified
        step.seconds["pack"] = time.perf_counter() - played
        self.last = step
        return packed

    def play(self, number: int) -> list[Episode]:
        """The step's games, in issue order."""
        self.policy.publish(f"step {number}", name=LEARNER)
        began = time.perf_counter()
        self.player.sync(self.policy)
        self.synced = time.perf_counter() - began
        self.tasks.begin(number)
        rollout = self.config.rollout
        episodes = self._loop.run_until_complete(
            play_all(
                self.matches(number),
                verifier=self._verifier,
                buffer=self.tasks,
                at_once=rollout.at_once,
                deterministic=rollout.deterministic,
                allowance=Allowance(rollout.game_tokens or None, rollout.game_seconds or None),
            )
        )
        self.tasks.add(episodes)
        self.opponents.record(episodes)
        self.games += len(episodes)
        self.tokens += sum(len(turn.reply.tokens) for episode in episodes for turn in episode.turns)
        return episodes

    def matches(self, number: int) -> list[Match]:
        """The step's matches: every seed `replicates` times, no seed ever again."""
        rollout, matches = self.config.rollout, list[Match]()
        self.opponents.begin(number)
        learner = self._shown()
        for index in range(rollout.games // rollout.replicates):
            seats = self._judged(self.opponents.seats(number, index, learner))
            seed = training_seed(self.config.seed, number, index, self.config.rollbacks)
            matches += [Match(self.game, seats, seed, copy) for copy in range(rollout.replicates)]
        return matches

    def _shown(self) -> Policy:
        """Who plays for the learner: with examples before its eyes where they are asked for."""
        if not (shots := self.config.rollout.shots):
            return self.player
        if self._examples is None:
            self._examples = self._loop.run_until_complete(
                examples(self.game, self._verifier, shots)
            )
        return Shown(self.player, self._examples)

    def _judged(self, seats: Seats) -> Seats:
        """With the judge in the seats that grade."""
        if self._judge is None:
            return seats
        return {
            s: self._judge if self.game.role_of[s] in self.game.judges else p
            for s, p in seats.items()
        }

    def _credit(self, number: int, episodes: Sequence[Episode]) -> Step:
        first = number * self.config.rollout.games
        collected = collect(
            enumerate(episodes, first),
            self.credits,
            learner=LEARNER,
            role_of=self.game.role_of,
            version=number,
            judges=self.game.judges,
        )
        centres, self.baselines = estimate(collected.outcomes, self.baselines, self.credits)
        of = {(o.episode, o.seat): c for o, c in zip(collected.outcomes, centres, strict=True)}
        credited = [
            advantages(sample, of[sample.episode, sample.seat]) for sample in collected.samples
        ]
        return Step(number, episodes, collected, centres, credited, {})

    def state(self) -> dict[str, Any]:
        """All that the next step depends on beside the weights, as JSON values."""
        return {
            "baselines": export(self.baselines),
            "tasks": self.tasks.state(),
            "opponents": self.opponents.state(),
            "games": self.games,
            "tokens": self.tokens,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.baselines = restore(state["baselines"])
        self.tasks.restore(state["tasks"])
        self.opponents.restore(state.get("opponents", {}))
        self.games = int(state["games"])
        self.tokens = int(state["tokens"])


def judge(config: Config, game: Game) -> Policy:
    """Who sits in the game's seats that grade. Raises ConfigError where nobody is named or at hand."""
    own = next((name for name in ("rule", "sample") if name in game.oracles), "")
    if not (config.judge or own):
        raise ConfigError(
            f"{game.id} needs a judge; name a model, a checkpoint or a classifier by `judge`"
        )
    return seat(config.judge or own, game, sampling=Sampling(1.0, 1.0, constrained=True))


def training_seed(run: int, step: int, index: int, rollbacks: int = 0) -> int:
    """The seed of a game in training: 48 bits of a hash, so that none is a seed that ratings count up to."""
    name = f"training/{run}/{step}/{index}" + (f"/{rollbacks}" if rollbacks else "")
    return bits(name, 48) | 1 << 48


def _check_roles(config: Config, game: Game) -> None:
    unknown = [role for role in config.credits.trained if role not in game.roles]
    if unknown:
        raise ConfigError(
            f"credits.trained names {', '.join(unknown)}; the roles of {game.id} are {', '.join(game.roles)}"
        )


def _endings(episodes: Sequence[Episode]) -> str:
    """Why games gave no sample: each kind of ending, with a reason."""
    reasons = {
        f"{e.ending.kind} ({e.ending.reason})" if e.ending.reason else e.ending.kind
        for e in episodes
    }
    return "; ".join(sorted(reasons)[:3])
