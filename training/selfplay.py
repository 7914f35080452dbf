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
from .config import Config, judge_name
from .data.advantage import Baselines, Credited, credit, export, restore
from .data.batch import Batch
from .data.collect import collect, label
from .data.objectives import judged, packed, signed
from .data.stock import Stock
from .players.learner import Itself, Player
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
    """What one step played, and what is learned from it."""

    number: int
    episodes: Sequence[Episode]
    trained: Sequence[Credited]
    seconds: dict[str, float]
    stored: int = 0
    """How many samples of the stock joined it."""


class Timed:
    """A verifier that adds up the time in which a batch was with it."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._running = 0  # batches that are with it now: overlapping ones count once
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

    `learner` draws by the run's sampling. `player` answers for it and gets its weights at every step (None:
    the trained model itself answers); `opponents` sit beside it (None: the learner in every seat); `stock`
    keeps what they said (None: nothing is kept).
    """

    def __init__(
        self,
        config: Config,
        game: Game,
        learner: Transformer,
        *,
        loop: asyncio.AbstractEventLoop,
        verifier: Timed,
        player: Player | None = None,
        opponents: Opponents | None = None,
        stock: Stock | None = None,
    ) -> None:
        self.config = config
        self.game = game
        self.policy = learner
        self.player = player or Itself(learner)
        self.opponents = opponents or Mirror(game)
        self.stock = stock

        # What other policies let the learner earn is no measure of what it earns against itself.
        others = config.opponents.mode != "mirror"
        self.credits = replace(config.credits, by_opponent=config.credits.by_opponent or others)
        self.baselines: Baselines = {}

        self.tasks = Tasks(config.seed)
        self.games = 0
        self.synced = 0.0
        self.tokens = 0
        self.last: Step | None = None
        self._loop = loop
        self._verifier = verifier
        self._judges = _judges(config, game)
        self._ranges = {label(game.ref): game.payoff_range}
        self._examples: Mapping[str, Sequence[Message]] | None = None

    def batch(self, number: int) -> Batch:
        """Play the games of step `number` and pack what there is to learn.

        Raises EmptyStepError when there is nothing, LostGamesError when the engine lost many games,
        NonFiniteError when a reward is not finite.
        """
        began, verifying = time.perf_counter(), self._verifier.seconds
        episodes = self.play(number)
        played, verified = time.perf_counter(), self._verifier.seconds - verifying

        # Short games outlive an engine that fails: what is left of a step would be a biased sample.
        step = Step(number, episodes, self._credited(number, episodes), {})
        _check_lost(step)
        if not step.trained:
            raise EmptyStepError(f"step {number} has nothing to train on: {_endings(episodes)}")
        # Games that all ended in forfeits may yet give credits, once the learner can move.
        played_out = any(episode.ending.kind == "outcome" for episode in episodes)
        credited = any(each.sample.attempt.by_turn for each in step.trained)
        if played_out and not (self.credits.payoff or credited):
            raise EmptyStepError(
                f"step {number} has nothing to train on: credits.payoff = false, and its games gave no credit"
            )

        batch, step = self._packed(step)
        # The phases add up to the step: playing does not count what others took.
        step.seconds["play"] = played - began - verified - self.synced
        step.seconds["sync"] = self.synced
        step.seconds["verify"] = verified
        step.seconds["pack"] = time.perf_counter() - played
        self.last = step
        return batch

    def _packed(self, step: Step) -> tuple[Batch, Step]:
        """What the step's samples, and those of the stock, teach; the step, with their number."""
        config, number = self.config, step.number
        fresh = judged(step.trained, config.objective, self._ranges, self.credits.scale)
        if self.stock is None:
            return packed(config, number, fresh, [], self.policy.dialect.pad), step

        stored = self.stock.given(number)
        indexed = enumerate(step.episodes, number * config.rollout.games)
        self.stock.write(number, fresh, dict(indexed))
        if config.stock.alone:
            fresh = []
        batch = packed(config, number, fresh, stored, self.policy.dialect.pad)
        return batch, replace(step, stored=len(stored))

    def play(self, number: int) -> list[Episode]:
        """The step's games, in issue order."""
        # Named first: `sync` passes the learner's reference on with the weights.
        self.policy.publish(f"step {number}", name=LEARNER)
        began = time.perf_counter()
        self.player.sync(self.policy)
        self.synced = time.perf_counter() - began

        # Recalls of a step draw by keys that count from here.
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

        # What the games kept is seen from the next step on, so that recalls depend on no timing.
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
            # Replicates share the seats and the seed, and differ in the noise of their replies alone.
            found = {**self.opponents.seats(number, index, learner), **self._judges}
            seats = {seat: found[seat] for seat in self.game.seats}
            seed = training_seed(self.config.seed, number, index, self.config.rollbacks)
            matches += [Match(self.game, seats, seed, copy) for copy in range(rollout.replicates)]
        return matches

    def _shown(self) -> Policy:
        """The learner's player, with example games before every prompt where they are asked for."""
        if not (shots := self.config.rollout.shots):
            return self.player
        # Played once: every prompt of the run shows the same examples.
        if self._examples is None:
            self._examples = self._loop.run_until_complete(
                examples(self.game, self._verifier, shots)
            )
        return Shown(self.player, self._examples)

    def _credited(self, number: int, episodes: Sequence[Episode]) -> list[Credited]:
        """What the step trains on; baselines move on."""
        samples = collect(
            # Indices go on over the steps, so that no two episodes share one.
            enumerate(episodes, number * self.config.rollout.games),
            self.credits,
            learner=LEARNER,
            role_of=self.game.role_of,
            version=number,
            judges=self.game.judges,
        )
        credited, self.baselines = credit(samples, self.baselines, self.credits)
        return signed(credited, self.config.objective)

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
    """Who sits in the game's seats that grade. Raises ConfigError and UnknownEntrantError."""
    # A judge is never trained, so it may be held to its choices.
    sampling = Sampling(1.0, 1.0, constrained=True)
    return seat(judge_name(config, game), game, sampling=sampling)


def _judges(config: Config, game: Game) -> Seats:
    """The judge in each of the seats that grade; a game may have none under its parameters."""
    seats = [seat for seat, role in game.role_of.items() if role in game.judges]
    # Made only where a seat needs it: a judge may be a model to load.
    return dict.fromkeys(seats, judge(config, game)) if seats else {}


def training_seed(run: int, step: int, index: int, rollbacks: int = 0) -> int:
    """The seed of a game in training: 48 bits of a hash, so that none is a seed that ratings count up to."""
    name = f"training/{run}/{step}/{index}" + (f"/{rollbacks}" if rollbacks else "")
    return bits(name, 48) | 1 << 48


def _check_lost(step: Step) -> None:
    """Raises LostGamesError where the engine lost too many of the step's games."""
    lost = [e.ending.reason for e in step.episodes if e.ending.source == "engine"]
    if len(lost) > LOST * len(step.episodes):
        raise LostGamesError(
            f"step {step.number} is not trained on: its engine failed in {len(lost)} of "
            f"{len(step.episodes)} games ({lost[0]}); resume the run from its last checkpoint"
        )


def _endings(episodes: Sequence[Episode]) -> str:
    """Why games gave no sample: each kind of ending, with a reason."""
    reasons = {
        f"{e.ending.kind} ({e.ending.reason})" if e.ending.reason else e.ending.kind
        for e in episodes
    }
    return "; ".join(sorted(reasons)[:3])
