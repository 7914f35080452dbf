"""A league of a run's snapshots beside the learner: whom it meets, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...agents.policy import Policy, Renamed
from ...agents.run_folder import scheduled, step_name
from ...arenas.league import League, Mix
from ...arenas.plan.rounds import seed_of
from ...arenas.store.store import Store
from ...envs.registry import Game
from ...envs.types import Episode, PolicyRef
from ..config import Config
from ..lineage import born_at
from .opponents import LEARNER, Ancestors, Seats, learner_places, seated
from .standing import ALONE, Standing


class InLeague:
    """The learner in a league of its own snapshots, which says whom it should meet and why.

    A checkpoint becomes a snapshot when the league finds one due. Games against others are league results
    in the run's store, so a report and `sparring league` can read them.

    Of a population every member is a learner of one league, and what its phase ended with is a snapshot.
    Who is told to meet a main learner meets the weights that its last phase ended with.
    """

    def __init__(
        self,
        config: Config,
        game: Game,
        folder: Path,
        store: Store,
        run: str,
        ancestors: Ancestors,
        place: Standing = ALONE,
    ) -> None:
        settings = config.opponents
        shares = (settings.self_play, settings.past, settings.verification)
        mix = Mix(*shares, settings.weighting, steps=settings.every)
        self._game = game
        self._place = place
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
        known = list(self.league.learners)
        names = list(place.kinds)
        given = [f"learner/{run}/{name}" for name in names] or [f"learner/{run}"]
        ids = known if len(known) == len(given) else given
        kinds = list(place.kinds.values()) or ["main"]
        for name, id, kind in zip(names or [LEARNER], ids, kinds, strict=True):
            self.league.join(PolicyRef(name, id), kind)
        self._ids = dict(zip(names or [""], ids, strict=True))
        self.id = self._ids[place.member]
        self.league.restore({})

    def begin(self, step: int) -> None:
        step += self._place.offset
        self.league.now = step
        self._why.clear()
        snapshots = {at for _, at in self.league.pool.values()}
        # A run that is resumed at a snapshot finds it in the pool.
        if step not in scheduled(self._folder) or step in snapshots:
            return
        ended = step == self._place.offset
        whose = self._ids[self._place.owner(step)]
        # A member's turn is over: the others meet what came of it, whatever the league finds due.
        if (ended and self._place.member) or self.league.due(whose, step):
            self.league.snapshot(whose, self._snapshot(step), step, self._copied(step))

    def seats(self, step: int, number: int, learner: Policy) -> Seats:
        # Numbers go on over steps and phases, so that the league draws each game anew.
        played = (self._place.offset << 20) + step * self._games + number
        following = self.league.next_match(self.id, played)
        self._why[following.kind] += 1
        if following.opponent == self.id:
            return dict.fromkeys(self._game.players, learner)
        at = self._step_of(following.opponent)
        # A main learner whose first phase is still to come is what this one began as.
        if not at:
            return dict.fromkeys(self._game.players, learner)
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
        whose = self._ids[self._place.owner(step)]
        return PolicyRef(step_name(step), f"snapshot/{whose}/{step}")

    def _step_of(self, opponent: str) -> int:
        """The step of the checkpoint that plays as this entrant; 0: there is none yet."""
        if opponent in self.league.pool:
            return self.league.pool[opponent][1]
        member = next(name for name, id in self._ids.items() if id == opponent)
        return self._place.latest(member)

    def _copied(self, step: int) -> str | None:
        """The snapshot that the phase of a member's checkpoint began from, where it was another's."""
        member = self._place.owner(step)
        if not member:
            return None
        born = born_at(self._folder.parent, member, step - 1)
        return self._snapshot(born.begins).id if born.copied and born.begins else None

    def _entered(self, episode: Episode) -> Episode:
        """With the one id that the learner bears in the league while its weights change."""
        seats = {
            seat: PolicyRef(LEARNER, self.id) if ref.name == LEARNER else ref
            for seat, ref in episode.seats.items()
        }
        return replace(episode, seats=seats)
