"""One step of self-play: games are played, collected, credited and packed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..agents.language.transformer import Transformer
from ..arenas.examples import examples
from ..arenas.match import Match
from ..arenas.rollouts import Allowance, play_all
from ..envs.hooks import hook
from ..envs.registry import Game
from ..envs.types import Episode, Message
from .config import Config
from .data.advantage import Baselines, Credited, Estimator, export, restore
from .data.balance import Balanced, balanced
from .data.batch import Batch
from .data.branches import NONE
from .data.collect import collect
from .data.credit import credit, idle
from .data.expected import Critics
from .data.filters import filtered, owed
from .data.inside import inner
from .data.lots import Lot
from .data.objectives import Judged, judged, lessons, signed
from .data.samples import Sample
from .data.stock import Stock
from .elsewhere import Elsewhere
from .players.cast import Cast
from .players.chairs import Chairs
from .players.histories import Histories
from .players.in_league import InLeague
from .players.learner import Itself, Player
from .players.menu import Entry, menu
from .players.opponents import LEARNER, Mirror, Opponents
from .players.sharing import Learners
from .players.shelf_files import read_shelves
from .players.tasks import Tasks
from .ranks.dealing import dealt
from .ranks.ranks import Ranks
from .step import NOTHING, Step, check_empty, check_lost, training_seed, whole
from .timed import Timed


class SelfPlay:
    """Plays the learner against its opponents, and keeps what estimators and games remember.

    `learner` draws by the run's sampling. `player` answers for it and gets its weights at every step (None:
    the trained model itself answers); `opponents` sit beside it (None: the learner in every seat); `stock`
    keeps what they said (None: nothing is kept); `elsewhere` plays in place of all that (None: here); `ranks`
    are the processes that share games and rows (None: this one is alone); `again`: a round came before.
    """

    def __init__(
        self,
        config: Config,
        games: Sequence[Game],
        learner: Transformer,
        *,
        loop: asyncio.AbstractEventLoop,
        verifier: Timed,
        player: Player | None = None,
        opponents: Sequence[Opponents] = (),
        stock: Stock | None = None,
        learners: Learners | None = None,
        elsewhere: Elsewhere | None = None,
        ranks: Ranks | None = None,
        again: bool = False,
    ) -> None:
        self.config = config
        self._again = again
        self.elsewhere = elsewhere
        self.ranks = ranks
        self.cast = Cast(config)
        self.learners = learners or Learners(
            learner, self.cast.names, config.sharing.mode, config.seed
        )
        self.menu = menu(config, games, opponents or [Mirror(game) for game in games])
        self.policy = learner
        self.player = player or Itself(learner)
        self._stock = stock
        # Several learners are played by the trained modules themselves.
        players = {**self.learners.policies, LEARNER: self.player}
        self._chairs = Chairs(config.rollout, self.cast, players, self._examples)
        self.baselines: Baselines = {}
        self.critics = Critics()
        self._ranges = {entry.label: entry.range for entry in self.menu.entries}

        self.tasks = Tasks(config.seed, loaded=read_shelves(config.shelves))
        if ranks:
            self.tasks.rank, self.tasks.ranks = ranks.rank, ranks.count
        self.histories = Histories(config, {LEARNER, *self.cast.names})
        self.branches = NONE
        # Indices go on over the steps, so that no two episodes share one.
        self._issued = config.rollout.games * config.starts.branches
        own = config.hooks.estimator
        self._estimator: Estimator | None = hook(own) if own else None
        self.games = 0
        self.rested = 0  # steps in a row, up to now, that had nothing to train on
        self.synced = 0.0
        self.tokens = 0
        self.last: Step | None = None
        self._loop = loop
        self._verifier = verifier

    def batch(self, number: int) -> Batch:
        """Play the games of step `number` and pack what there is to learn.

        A later step that has nothing packs NOTHING. Raises EmptyStepError as `check_empty` does,
        LostGamesError when the engine lost many games, NonFiniteError when a reward is not finite.
        """
        began, verifying = time.perf_counter(), self._verifier.seconds
        episodes = self.play(number)
        played, verified = time.perf_counter(), self._verifier.seconds - verifying

        # Kept first: the games of a step that is refused are written down.
        self.last = step = self._credited(number, episodes)
        check_lost(step)
        if not self.config.stock.alone:
            step = check_empty(step, self.rested, first=not (number or self._again))
            self.rested = self.rested + 1 if step.lacks else 0
        self.menu.learn(episodes, step.entries, step.trained)

        batch, step = self._packed(step)

        # The phases add up to the step: playing does not count what others took.
        step.seconds["play"] = played - began - verified - self.synced
        step.seconds["sync"] = self.synced
        step.seconds["verify"] = verified
        step.seconds["pack"] = time.perf_counter() - played
        self.last = step
        return batch

    def _packed(self, step: Step) -> tuple[Batch, Step]:
        """What the step's samples, and those of the stock, teach; the step, with how many those were."""
        if step.lacks:
            return NOTHING, step
        given = self._stock.given(step.number) if self._stock else []
        due = self.cast.due(step.number)
        stored = [each for each in given if each.attempt.learner in due]
        kept = self._kept(step)
        fresh = [] if self.config.stock.alone else kept

        pad, names = self.policy.dialect.pad, self.cast.names
        idle = kept if self._again else ()  # a round that brings nothing does not end the run
        batch = lessons(self.config, step.number, fresh, stored, learners=names, pad=pad, idle=idle)
        batch = replace(batch, rests=batch.rests or (step.rests and not stored))
        if ranks := self.ranks:
            loss, multiple = self.config.update.loss, self.config.update.microbatches
            batch = dealt(batch, ranks.rank, ranks.count, loss=loss, multiple=multiple)
        found = self._balance(self._stock.balance if self._stock and given else None)
        return batch, replace(step, stored=len(stored), balance=found)

    def _balance(self, found: Balanced | None) -> dict[str, float]:
        """The numbers of a search for a threshold; none where there was none."""
        if found is None:
            return {}
        warmth = self.config.rollout.temperature
        return {"score": found.score, "threshold": found.threshold, "temperature": warmth}

    def _kept(self, step: Step) -> Lot[Judged]:
        """The step's samples with their verdicts, written to the stock."""
        fresh = judged(step.trained, self.config.objective, self._ranges)
        if self._stock is not None:
            indexed = enumerate(step.episodes, step.number * self._issued)
            self._stock.write(step.number, fresh, dict(indexed))
        return fresh

    def collect(self, number: int) -> None:
        """Play the games of step `number` and keep what they offer; nothing is packed.

        Raises LostGamesError when the engine lost many games.
        """
        began, verifying = time.perf_counter(), self._verifier.seconds
        episodes = self.play(number)
        verified = self._verifier.seconds - verifying

        self.last = step = self._credited(number, episodes)
        check_lost(step)
        kept, wanted = self._kept(step), self.config.stock.balance
        step = replace(step, balance=self._balance(balanced(kept, wanted) if wanted else None))
        spent = time.perf_counter() - began
        step.seconds.update(play=spent - verified - self.synced, sync=self.synced, verify=verified)
        self.last = step

    def play(self, number: int) -> list[Episode]:
        """The step's games, in issue order."""
        # Named first: `sync` passes the learner's reference on with the weights.
        for name, policy in self.learners.policies.items():
            policy.publish(f"step {number}", name=name)
        matches: list[Match] = []
        if self.elsewhere:
            episodes = self.elsewhere.played(number)
            # What the step's games kept is of this step, whenever they were played.
            self.tasks.begin(number)
        else:
            matches, episodes = self.rollout(number)

        # A league counts a game once, however often it was continued.
        for entry in self.menu.entries:
            entry.opponents.record([e for e in episodes if self.menu.of(e) is entry])
        if matches:
            self.histories.learn(number, matches, episodes)
            further, self.branches = self.histories.branched(matches, episodes)
            episodes += self._played(further, len(matches)) if further else []

        # What the games kept is seen from the next step on, so that recalls depend on no timing.
        self.tasks.add(episodes)
        self.games += len(episodes)
        self.tokens += sum(len(turn.reply.tokens) for episode in episodes for turn in episode.turns)
        return episodes

    def rollout(
        self, number: int, part: int = 0, parts: int = 1
    ) -> tuple[list[Match], list[Episode]]:
        """A part of the step's matches, played with the learner's present weights.

        Nothing is noted of them. The first of so many parts is number 0; replicates are in one part.
        """
        began = time.perf_counter()
        self.player.sync(self.policy)
        self.synced = time.perf_counter() - began

        # Recalls of a step draw by keys that count from here.
        self.tasks.begin(number)
        matches, copies = self.matches(number), self.config.rollout.replicates
        places = len(matches) // copies
        first, end = (copies * (places * each // parts) for each in (part, part + 1))
        return matches, self._played(matches[first:end], first)

    def _played(self, matches: Sequence[Match], first: int = 0) -> list[Episode]:
        """The games of the step from its `first` on, in order; each process plays its share."""
        issued = list(enumerate(matches, first))
        return self.ranks.shared(issued, self._here) if self.ranks else self._here(issued)

    def _here(self, issued: Sequence[tuple[int, Match]]) -> list[Episode]:
        rollout = self.config.rollout
        return self._loop.run_until_complete(
            play_all(
                [match for _, match in issued],
                verifier=self._verifier,
                buffers=lambda place: self.tasks.of(issued[place][0]),
                at_once=rollout.at_once,
                deterministic=rollout.deterministic,
                allowance=Allowance(rollout.game_tokens or None, rollout.game_seconds or None),
            )
        )

    def matches(self, number: int) -> list[Match]:
        """The step's matches: every seed `replicates` times, no seed ever again but by its history."""
        rollout, matches = self.config.rollout, list[Match]()
        branches = self.config.starts.branches
        for entry in self.menu.entries:
            entry.opponents.begin(number)

        for index, entry in enumerate(self.menu.drawn(number, rollout.games // rollout.replicates)):
            # Replicates share the seats and the seed, and differ in the noise of their replies alone.
            beside = {**entry.opponents.seats(number, index, self.player), **entry.judges}
            seats = {seat: self._chairs.seated(entry, seat, beside) for seat in entry.game.seats}
            seed = training_seed(self.config.seed, number, index, self.config.rollbacks)
            copies = range(rollout.replicates)
            start = self.histories.start(number, index, entry.game, seed)
            if start and start.episode.seed != seed:
                seed = start.episode.seed
                # One seed is met again here, so its copies are counted by place: their noise is their own.
                first = number * self._issued + (index + 1) * rollout.replicates * branches
                copies = range(first, first + rollout.replicates)
            matches += [Match(entry.game, seats, seed, copy, start) for copy in copies]
        return matches

    def learner_of(self, game: Game) -> Transformer | Callable[[str], Transformer]:
        """The learner's own model; of several, which of them plays a role of the game."""
        if len(self.learners) == 1:
            return self.policy
        return lambda role: self.learners.policies[self.cast.of(game, role)]

    def _examples(self, entry: Entry) -> Mapping[str, Sequence[Message]]:
        shots = self.config.rollout.shots
        return self._loop.run_until_complete(examples(entry.game, self._verifier, shots))

    def rewarded(self, episodes: Sequence[Episode]) -> Sequence[Episode]:
        """The episodes with the learners' credits from inside; the weights are still those that played."""
        if self.ranks and self.config.inside.weights:
            return self.ranks.shared(episodes, self._rewarded)
        return self._rewarded(episodes)

    def _rewarded(self, episodes: Sequence[Episode]) -> Sequence[Episode]:
        for name, policy in self.learners.policies.items():
            with self.learners.chosen(name):
                episodes = inner(episodes, self.config.inside, policy, name=name)
        return episodes

    def _credited(self, number: int, episodes: Sequence[Episode]) -> Step:
        """What the step trains on; baselines move on."""
        if not self.elsewhere:
            episodes = self.rewarded(episodes)
        version = self.elsewhere.version(number) if self.elsewhere else number
        issued = list(enumerate(episodes, number * self._issued))
        branches = self.branches.shifted(number * self._issued)
        entries = [self.menu.of(episode) for episode in episodes]
        due = set(self.cast.due(number))
        lots, offered = list[Lot[Credited]](), list[Lot[Sample]]()
        dropped: dict[tuple[str, str], int] = {}

        # A game at a time: each has settings of its own, and no estimator looks across games.
        for entry in self.menu.entries:
            own = [pair for pair, of in zip(issued, entries, strict=True) if of is entry]
            if entry.credits.estimator == "critic":
                lots.append(signed(self._by_critic(own, entry, version), self.config.objective))
                continue
            samples = collect(
                own,
                entry.credits,
                learner=LEARNER,
                role_of=entry.game.role_of,
                beside=self.cast.names,
                version=version,
                judges=self.cast.judges(entry.game),
                charges=owed(whole(own), self.config.filters, entry.game),
                branches=branches,
                value=self.config.starts.value,
            )
            samples = samples.where(lambda each: each.attempt.learner in due)
            kept, out = filtered(samples, self.config.filters, entry.game, entry.credits.scale)
            dropped |= {(entry.label, role): count for role, count in out.items()}
            credited, self.baselines = credit(kept, self.baselines, entry.credits, self._estimator)
            lots.append(signed(credited, self.config.objective))
            offered.append(samples)

        # A step without a group inside the band is no fault: it teaches nothing, and the run goes on.
        rests = any(offered) and not any(lots) and self.config.objective.by_advantage
        trained = [idle(each) for lot in offered for each in lot] if rests else Lot.joined(lots)
        return Step(number, episodes, entries, trained, {}, dropped, rests=rests)

    def _by_critic(
        self, games: Sequence[tuple[int, Episode]], entry: Entry, version: int
    ) -> Lot[Credited]:
        """The step's samples of one game, measured by its table."""
        return self.critics.credited(
            games,
            entry.game,
            entry.credits,
            learners={**self.learners.policies, LEARNER: self.policy},
            sampling=entry.sampling,
            version=version,
        )

    def state(self) -> dict[str, Any]:
        """All that the next step depends on beside the weights, as JSON values."""
        ahead = {"ahead": self.elsewhere.state()} if self.elsewhere else {}
        return {
            "baselines": export(self.baselines),
            "tasks": self.tasks.state(),
            "menu": self.menu.state(),
            "histories": self.histories.state(),
            "games": self.games,
            "tokens": self.tokens,
            **ahead,
            **({"critics": critics} if (critics := self.critics.state()) else {}),
            **({"rested": self.rested} if self.rested else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.baselines = restore(state["baselines"])
        self.tasks.restore(state["tasks"])
        # Runs of one game, from before there were menus, have the state of their opponents alone.
        self.menu.restore(state.get("menu") or self.menu.of_old(state.get("opponents", {})))
        self.histories.restore(state.get("histories", []))
        self.games, self.tokens = int(state["games"]), int(state["tokens"])
        self.rested = int(state.get("rested", 0))
        self.critics.restore(state.get("critics", {}))
        if self.elsewhere and "ahead" in state:
            self.elsewhere.restore(state["ahead"])

    def carry(self, state: dict[str, Any], steps: int) -> None:
        """Go on with what a phase of so many steps ended with: tasks, league, shares; no baselines."""
        self.tasks.carry(state["tasks"], steps)
        self.games, self.tokens = int(state["games"]), int(state["tokens"])
        self.rested = int(state.get("rested", 0))
        known = state["menu"]["opponents"]
        self.menu.carry(state["menu"])
        for entry in self.menu.entries:
            if isinstance(entry.opponents, InLeague):
                entry.opponents.restore(known.get(entry.label, {}))
