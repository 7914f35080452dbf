"""Who sits beside the learner: itself, one fixed entrant, its own past, or whom a league names.

Every choice is keyed by the run's seed, the step and the game's place in it, and whatever else it rests
on stands in checkpoints: a run that is resumed meets the opponents of one that was never stopped.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from ...agents.engines.hosts import Host
from ...agents.engines.policy import Hosted
from ...agents.language.transformer import Transformer
from ...agents.models.weights import ADAPTER
from ...agents.policy import Policy, Renamed, Sampling
from ...agents.run_folder import RunFolder, step_name, steps
from ...arenas.fixture import places
from ...arenas.league import League, Mix
from ...arenas.plan.rounds import seed_of
from ...arenas.store.store import Store
from ...envs.hooks import hook
from ...envs.registry import Game
from ...envs.types import Episode, PolicyRef
from .. import checkpoints
from ..config import Config, ConfigError

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
        self, config: Config, game: Game, folder: Path, ancestors: Ancestors, offset: int = 0
    ) -> None:
        super().__init__(config, game)
        self._offset = offset
        self._folder = folder
        self._ancestors = ancestors
        self._steps: list[int] = []

    def begin(self, step: int) -> None:
        # A run that is resumed from an old step finds later ones, which are not its past.
        self._steps = [at for at in steps(self._folder) if at <= self._offset + step]

    def _drawn(self, step: int, rng: random.Random) -> Policy | None:
        return self._ancestors(rng.choice(self._steps)) if self._steps else None


class InLeague:
    """The learner in a league of its own snapshots, which says whom it should meet and why.

    A checkpoint becomes a snapshot when the league finds one due. Games against others are league results
    in the run's store, so a report and `sparring league` can read them.
    """

    def __init__(
        self,
        config: Config,
        game: Game,
        folder: Path,
        store: Store,
        run: str,
        ancestors: Ancestors,
        offset: int = 0,
    ) -> None:
        settings = config.opponents
        shares = (settings.self_play, settings.past, settings.verification)
        mix = Mix(*shares, settings.weighting, steps=settings.every)
        self._game = game
        self._offset = offset
        self._folder = folder
        self._ancestors = ancestors
        self._games = config.rollout.games
        self._places = learner_places(config, game)

        self.store = store
        # As elsewhere: after a step back the draws must be others.
        back = config.rollbacks
        seed = seed_of("league", config.seed, "rollback", back) if back else config.seed
        self.league = League(store, game, mix, seed)
        self._why: Counter[str] = Counter()

        # a run whose folder was renamed stays the learner that its store knows
        self.id = next(iter(self.league.learners), f"learner/{run}")
        self.league.join(PolicyRef(LEARNER, self.id))
        self.league.restore({})

    def begin(self, step: int) -> None:
        step += self._offset
        self.league.now = step
        self._why.clear()
        snapshots = {at for _, at in self.league.pool.values()}
        # A run that is resumed at a snapshot finds it in the pool.
        saved = step in steps(self._folder) and step not in snapshots
        if saved and self.league.due(self.id, step):
            self.league.snapshot(self.id, self._snapshot(step), step)

    def seats(self, step: int, number: int, learner: Policy) -> Seats:
        # Numbers go on over steps and phases, so that the league draws each game anew.
        played = (self._offset << 20) + step * self._games + number
        following = self.league.next_match(self.id, played)
        self._why[following.kind] += 1
        if following.opponent == self.id:
            return dict.fromkeys(self._game.players, learner)
        _, at = self.league.pool[following.opponent]
        other = Renamed(self._ancestors(at), PolicyRef(self._snapshot(at).name, following.opponent))

        # The league does not know which roles are trained: an untrained seat is replaced.
        place = (
            following.seat
            if following.seat in self._places
            else self._places[number % len(self._places)]
        )
        return seated(self._game, learner, place, other)

    def record(self, episodes: Sequence[Episode]) -> None:
        self.league.record(self.id, [self._entered(episode) for episode in episodes])

    def reasons(self) -> Mapping[str, int]:
        return self._why

    def state(self) -> dict[str, Any]:
        return self.league.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.league.restore(state)

    def _snapshot(self, step: int) -> PolicyRef:
        return PolicyRef(step_name(step), f"snapshot/{self.id}/{step}")

    def _entered(self, episode: Episode) -> Episode:
        """With the one id that the learner bears in the league while its weights change."""
        seats = {
            seat: PolicyRef(LEARNER, self.id) if ref.name == LEARNER else ref
            for seat, ref in episode.seats.items()
        }
        return replace(episode, seats=seats)


class Loaded:
    """Checkpoints as policies under the learner's sampling, the `most` last used kept in memory.

    An adapter is loaded beside the learner's onto the model they share, or onto the engine (`host`) that
    the learner plays on; full weights make a model of their own.
    """

    def __init__(
        self, folder: Path, game: Game, learner: Transformer, most: int, host: Host | None = None
    ) -> None:
        self._host = host
        self._folder = folder
        self._game = game
        self._learner = learner
        self._most = most
        self._held: OrderedDict[int, Transformer | Hosted] = OrderedDict()

    def __call__(self, step: int) -> Policy:
        # The order of the held is that of their last use.
        if step in self._held:
            self._held.move_to_end(step)
        else:
            self._held[step] = self._load(step)
            while len(self._held) > self._most:
                self._free(self._held.popitem(last=False)[1])
        return self._held[step]

    def _load(self, step: int) -> Transformer | Hosted:
        from ...agents.models.load import load_model
        from ...agents.models.lora import with_adapter

        place, name = checkpoints.at(self._folder, step), step_name(step)
        adapted = (place / ADAPTER).exists()
        if adapted and self._host:
            return self._host.adopt(place, f"{place.parents[1].name}@{step}").twin(
                name=name, sampling=self._learner.sampling
            )
        if adapted:
            return with_adapter(self._learner, place, name)
        learner = self._learner
        device = str(learner.model.device)
        policy = load_model(
            str(place),
            self._game,
            sampling=learner.sampling,
            thinking=learner.dialect.thinking,
            device=device,
        )
        policy.publish(policy.weights, name=name)
        return policy

    def _free(self, policy: Transformer | Hosted) -> None:
        from ...agents.models.lora import drop_adapter

        # A model of its own goes with its last reference; an adapter must be taken off the base.
        if isinstance(policy, Hosted):
            if self._host:
                self._host.retire(policy)
        elif policy.adapter is not None:
            drop_adapter(policy)


@contextmanager
def opponents(
    config: Config,
    game: Game,
    learner: Transformer,
    folder: Path,
    ancestors: Ancestors,
    offset: int = 0,
) -> Generator[Opponents]:
    """As the settings say; `folder` is the run's, which had `offset` steps before these.

    Raises ConfigError and UnknownEntrantError.
    """
    if config.opponents.mode == "own":
        yield cast(Opponents, hook(config.hooks.opponents)(config, game, learner))
        return
    mode, saved = config.opponents.mode, RunFolder(folder).checkpoints
    if mode == "mirror":
        yield Mirror(game)
        return

    # Called for what it raises, before an entrant is loaded or a store opened.
    learner_places(config, game)
    if mode == "fixed":
        yield Fixed(config, game, fixed(config, game, learner.sampling))
        return

    # The modes that are left play the run's own checkpoints.
    if not config.record.checkpoint_every:
        raise ConfigError(
            f"opponents.mode = {mode} needs checkpoints to play; set record.checkpoint_every"
        )
    if config.record.keep:
        raise ConfigError(
            f"opponents.mode = {mode} plays old checkpoints; set record.keep = 0 to keep them"
        )
    if mode == "past":
        yield Past(config, game, saved, ancestors, offset)
        return

    # The store opens before the run's folder is made.
    folder.mkdir(parents=True, exist_ok=True)
    with Store(RunFolder(folder).store) as store:
        yield InLeague(config, game, saved, store, folder.name, ancestors, offset)


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
