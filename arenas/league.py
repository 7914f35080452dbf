"""Whom a learner should meet next: past selves by how hard they are, forgotten ancestors, itself, exploiters.

Prioritised fictitious self-play and the three kinds of learner follow AlphaStar (Vinyals et al. 2019).
Nothing is kept beside the store: the pool, the lineage and the results are read from
it, so a league that is stopped goes on as it was.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from ..envs.errors import SparringError
from ..envs.registry import Game
from ..envs.types import Episode, PolicyRef
from .fixture import Fixture, Settled, game_key, places, settle
from .pfsp import Weighting, unsettled, weights
from .plan.rounds import seed_of
from .rates import Rate, Told
from .results import GameRow, points
from .store.reading import Archive
from .store.store import Store
from .transcript import write

Kind: TypeAlias = Literal["main", "main_exploiter", "league_exploiter"]
Branch: TypeAlias = Literal["self", "past", "verification", "main", "all"]
EXPLOITED: Final = 0.3
"""Main exploiters' snapshots are met while the learner's share against one of them is below this."""
FORGOTTEN: Final = 0.7
"""So are its own past selves, but for the newest that grow steadily harder."""
HOPELESS: Final = 0.1
"""Below this share against the learner itself, an exploiter trains on the learner's past instead."""


class LeagueError(SparringError, ValueError):
    """The league does not know the learner that was named, or has no opponent for it."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How a main learner's matches are shared out (they need not sum to 1), and when it is snapshotted.

    A snapshot is due when its smallest share (`Rate.share`) over snapshots met at least `enough` times
    passes `strong`, or after `steps`. Rates look back over the last `window` games against each opponent.
    """

    self: float = 0.35
    past: float = 0.5
    verification: float = 0.15
    weighting: Weighting = "squared"
    window: int = 400
    enough: int = 20
    strong: float = 0.7
    steps: int = 1000


@dataclass(frozen=True, slots=True)
class Next:
    """A match to play: `opponent` is an entrant id, `seat` the learner's place, `reason` why."""

    opponent: str
    seat: str
    reason: str

    @property
    def kind(self) -> str:
        """The reason in a word or two: `self-play`, `past`, `verification`, `exploit`, `league` …"""
        return re.split("[:,]", self.reason)[0]


class League:
    """A pool of learners and their snapshots in one game. The store may be shared with tournaments.

    With an Archive it can be asked and not added to. A learner is an entrant whose id is a name for the
    whole of its training (its weights change); its snapshots are entrants of their own. `now` is the step
    of a training that may have been taken up again at an earlier one: later snapshots do not exist for it.
    """

    def __init__(self, store: Archive, game: Game, mix: Mix = Mix(), seed: int = 0) -> None:
        if game.score is None or len(places(game)) < 2:
            raise LeagueError(
                f"a league needs a game of two places or more with a score; {game.id} is none"
            )

        self.game = game
        self.mix = mix
        self._store = store
        self._seed = seed
        self._places = places(game)

        self._told: dict[tuple[str, str], deque[Told]] = defaultdict(
            lambda: deque(maxlen=mix.window)
        )
        self._met: Counter[tuple[str, str]] = Counter()
        self._handed: Counter[str] = Counter()
        self._recorded = 0
        self.now: int | None = None

        if isinstance(store, Store):
            store.admit(game)

        # win rates and turns go on from what the store holds
        for row in store.rows(game, "league", voids=False):
            self._count(row)
            self._recorded = row.order + 1
            learner = row.pair.rsplit("/", 1)[0]
            self._handed[learner] += 1
            for other in {place.entrant for place in row.places} - {learner}:
                self._met[learner, other] += 1

    def state(self) -> dict[str, Any]:
        """What the next matches rest on beside the store, as JSON values."""
        met = [[learner, other, count] for (learner, other), count in sorted(self._met.items())]
        return {"recorded": self._recorded, "handed": dict(self._handed), "met": met}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken (empty: to before any match), whatever the store holds beyond.

        Matches that are played again are the same rows, so the store holds each once.
        """
        self._recorded = state.get("recorded", 0)
        self._handed = Counter(state.get("handed", {}))
        self._met = Counter(
            {(learner, other): count for learner, other, count in state.get("met", ())}
        )
        self._told.clear()
        for row in self._store.rows(self.game, "league", voids=False):
            if row.order < self._recorded:
                self._count(row)

    @property
    def learners(self) -> Mapping[str, Kind]:
        """Learners by id, in the order in which they joined."""
        known = [
            e for e in self._store.entrants() if e.info.get("league", "snapshot") != "snapshot"
        ]
        # stores of earlier versions tell no order
        known.sort(key=lambda e: (e.info.get("place", 0), e.id))
        return {e.id: e.info["league"] for e in known}

    @property
    def pool(self) -> Mapping[str, tuple[str, int]]:
        """Snapshots by id, with whose they are and from which step, oldest first; none from after `now`."""
        known = [e for e in self._store.entrants() if e.info.get("league") == "snapshot"]
        if self.now is not None:
            known = [e for e in known if e.info["step"] <= self.now]

        # of one step: in the order of their learners, for ids hold names, and draws must not
        order = {id: place for place, id in enumerate(self.learners)}
        known.sort(key=lambda e: (e.info["step"], order.get(e.info["of"], len(order)), e.id))
        return {e.id: (e.info["of"], e.info["step"]) for e in known}

    @property
    def measure(self) -> str:
        """What `Rate.value` is in this game, in words."""
        return "win rate" if self.game.score == "win" else "payoff in its range"

    def join(self, learner: PolicyRef, kind: Kind = "main") -> None:
        """Make a learner part of the league; one that is in it keeps its place."""
        known = list(self.learners)
        place = known.index(learner.id) if learner.id in known else len(known)
        kept = {"league": kind, "place": place, "seed": self._seed, "mix": asdict(self.mix)}
        self._writing().enter(learner, kept)

    def snapshot(
        self, learner: str, saved: PolicyRef, step: int, parent: str | None = None
    ) -> None:
        """Put a learner's weights of a step into the pool.

        It descends from `parent`, by default the learner's last snapshot; an exploiter's also
        from the learner that it exploits.
        """
        kind, store = self._kind(learner), self._writing()

        before = [id for id, (of, _) in self.pool.items() if of == learner]

        store.enter(saved, {"league": "snapshot", "of": learner, "step": step})
        if origin := parent or (before[-1] if before else None):
            store.descend(saved.id, origin, "snapshot")
        if kind != "main":
            for main in self._mains():
                store.descend(saved.id, main, "exploiter_of")

    def due(self, learner: str, step: int) -> str | None:
        """Why the learner should be snapshotted now, or None."""
        pool = self.pool
        last = max([at for of, at in pool.values() if of == learner], default=0)
        if step - last >= self.mix.steps:
            return f"{step - last} steps since the last snapshot"
        rates = [self.rate(learner, id) for id in pool]
        resolved = [rate.share for rate in rates if rate.games >= self.mix.enough]
        if resolved and min(resolved) > self.mix.strong:
            return f"beats every snapshot it has met often enough: least {min(resolved):.2f}"
        return None

    def rate(self, learner: str, opponent: str) -> Rate:
        """How the learner fared in its latest games against an opponent."""
        told = self._told[learner, opponent]
        stakes = sum(game.stake for game in told)
        part = sum(game.won for game in told) / stakes if stakes else 0.5
        return Rate(sum(game.points for game in told), len(told), part)

    def next_match(self, learner: str, number: int | None = None) -> Next:
        """Whom the learner should meet, where it should sit, and why. Raises LeagueError.

        `number` is the match's place in the learner's training and decides its draws; by default the
        games recorded plus the matches handed out. Training that must resume exactly passes its own.
        """
        if number is None:
            number = self._handed[learner]
            self._handed[learner] += 1

        # The number alone decides, so that a resumed training meets the same opponents. A learner is
        # known by its place and not by its id, for that may hold the name of the run's folder.
        kind = self._kind(learner)
        place = list(self.learners).index(learner)
        rng = random.Random(seed_of("league", self._seed, place, number))
        opponent, reason = self._opponent(learner, kind, rng)

        # seats take turns against each opponent
        turn = self._met[learner, opponent]
        self._met[learner, opponent] += 1
        return Next(opponent, self._places[turn % len(self._places)], reason)

    def record(self, learner: str, episodes: Sequence[Episode]) -> int:
        """Keep training games as league results; the learner's seats are those that bear its id.

        A game of the learner against itself, or one ended by a fault, tells nothing and is left out.
        """
        kept = [
            self._settled(learner, episode)
            for episode in episodes
            if episode.ending.kind != "error"
            and len({ref.id for ref in episode.seats.values()}) > 1
        ]

        new = self._writing().record(kept)
        for one in kept:
            self._count(one.row)
        return new

    def _writing(self) -> Store:
        if not isinstance(self._store, Store):
            raise LeagueError(
                f"{self._store.path} is open for reading only; open it as a Store to add to it"
            )
        return self._store

    def _settled(self, learner: str, episode: Episode) -> Settled:
        seats = {seat: ref.id for seat, ref in episode.seats.items()}

        seated: list[tuple[str, str]] = []
        for place in self._places:
            mine = {
                seats[seat] for seat, role in self.game.role_of.items() if place in (seat, role)
            }
            seated.append((place, learner if learner in mine else min(mine)))

        key = game_key(episode.game, seats, episode.seed, episode.replicate)
        fixture = Fixture(
            self.game, seats, tuple(seated), episode.seed, episode.replicate, f"{learner}/{key[:16]}",
            self._recorded, 0, 1, "league", key,
        )  # fmt: skip
        self._recorded += 1
        return Settled(fixture, settle(fixture, episode), write(episode), verifier=episode.verifier)

    def _count(self, row: GameRow) -> None:
        """Add a row to the rates of all its entrants."""
        told = list(zip([place.entrant for place in row.places], self._tell(row), strict=True))
        for me, mine in told:
            for other in {who for who, _ in told} - {me}:
                self._told[me, other].append(mine)

    def _tell(self, row: GameRow) -> list[Told]:
        """What a row tells of each of its places, as the game is rated."""
        kind = self.game.score or "win"
        scored = points(row, kind)
        if kind == "win":
            return [Told(each, each, 1.0) for each in scored]

        total = sum(scored)
        leads = [each - (total - each) / (len(scored) - 1) for each in scored]
        return [
            Told(self._scaled(each), max(lead, 0.0), abs(lead))
            for each, lead in zip(scored, leads, strict=True)
        ]

    def _scaled(self, payoff: float) -> float:
        """Where a payoff lies in the game's range, in [0, 1]."""
        low, high = self.game.payoff_range
        if high <= low:
            return 0.5
        # a forfeit pays less than any legal ending
        return min(1.0, max(0.0, (payoff - low) / (high - low)))

    def _opponent(self, learner: str, kind: Kind, rng: random.Random) -> tuple[str, str]:
        pool = self.pool
        if kind == "main_exploiter":
            return self._exploited(learner, pool, rng)
        if kind == "league_exploiter":
            return self._drawn(learner, list(pool) or self._mains(), "capped", rng, "league")
        return self._main_opponent(learner, pool, rng)

    def _main_opponent(
        self, learner: str, pool: Mapping[str, tuple[str, int]], rng: random.Random
    ) -> tuple[str, str]:
        mix = self.mix
        branch = rng.choices(
            ("self", "past", "verification"), (mix.self, mix.past, mix.verification)
        )[0]
        if branch == "self" or not pool:
            return (
                learner,
                "self-play" if pool or branch == "self" else "self-play: the pool is empty",
            )

        if branch == "past":
            return self._drawn(learner, list(pool), mix.weighting, rng, "past")

        among, why = self._to_verify(learner, pool)
        if not among:
            return learner, "self-play: nothing is forgotten"
        return self._drawn(learner, among, mix.weighting, rng, f"verification: {why}")

    def _to_verify(
        self, learner: str, pool: Mapping[str, tuple[str, int]]
    ) -> tuple[list[str], str]:
        """The snapshots that a main learner must show it can still beat, and why; none where it can."""
        hunters = [id for id, kind in self.learners.items() if kind == "main_exploiter"]
        hunting = [id for id, (of, _) in pool.items() if of in hunters]
        if hunting and min(self.rate(learner, id).share for id in hunting) < EXPLOITED:
            return hunting, "exploited"

        own = [id for id, (of, _) in pool.items() if of == learner]
        shares = [self.rate(learner, id).share for id in own]
        left = unsettled(shares)
        return (own[:left], "forgotten") if left and min(shares[:left]) < FORGOTTEN else ([], "")

    def _exploited(
        self, learner: str, pool: Mapping[str, tuple[str, int]], rng: random.Random
    ) -> tuple[str, str]:
        mains = self._mains()
        if not mains:
            raise LeagueError(
                f"{learner} exploits a main learner, and the league has none; join one first"
            )

        main = rng.choice(mains)
        rate = self.rate(learner, main)
        past = [id for id, (of, _) in pool.items() if of == main]
        if past and rate.games >= self.mix.enough and rate.share < HOPELESS:
            return self._drawn(
                learner, past, "variance", rng, f"past of {main}, who is too strong yet"
            )
        return main, "exploit: the main learner itself"

    def _drawn(
        self, learner: str, among: Sequence[str], weighting: Weighting, rng: random.Random, why: str
    ) -> tuple[str, str]:
        if not among:
            raise LeagueError(
                f"{learner} has no opponent: the league has no snapshot and no main learner"
            )

        rates = [self.rate(learner, id) for id in among]
        odds = weights([rate.value for rate in rates], weighting)
        at = rng.choices(range(len(among)), odds)[0]
        met = f"{rates[at].value:.2f} in {rates[at].games} games"
        told = f"{why}, {weighting} on {self.measure} {met}"
        return among[at], f"{told}: weight {odds[at]:.3f}"

    def _mains(self) -> list[str]:
        return [id for id, kind in self.learners.items() if kind == "main"]

    def _kind(self, learner: str) -> Kind:
        known = self.learners
        if learner not in known:
            raise LeagueError(
                f"{learner!r} is no learner of this league; it has {', '.join(known)}"
            )
        return known[learner]


def league_of(store: Archive, game: Game) -> League:
    """The league of a store, under the seed and the mix with which its last learner joined."""
    told = [e.info for e in store.entrants() if e.info.get("league", "snapshot") != "snapshot"]
    # stores of earlier versions tell neither
    info = told[-1] if told else {}
    return League(store, game, Mix(**info.get("mix", {})), info.get("seed", 0))
