"""Is the new one better than the old: a gate, played pair by pair until it is decided.

Pairs count in the order in which they were issued, not as they finish, and the first crossing is the
decision: it is kept in the store and comes back unchanged however often the gate is run again. The games
are played for the gate alone, on seeds of their own, and never rated: a test that stops when it likes
what it sees overstates what it found.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..agents.policy import Policy
from ..envs.registry import Game
from .entrants import known
from .executors.local import Executor, Local, carry_out
from .fixture import Fixture, fixtures, places
from .plan.power import assumed, spread
from .plan.rounds import block, seatings_of
from .ratings.sprt import Decision, Forecast, Gate, GateError, confidence, elo, prefix
from .results import STATISTICS, Estimate, GameRow, Pair, ScoreKind, complete
from .store.reading import Archive
from .store.store import Store
from .tournament import Say, TournamentError
from .transcript import canonical

RANGE_SHARE = 1 / 20
"""Where a payoff gate's upper bound lies by default, as a share of the range of payoffs."""


@dataclass(frozen=True, slots=True)
class GatePlan:
    """What to expect of a gate: where the score is `test.low`, and where it is `test.high`.

    `variance` is that of a pair's score; `measured` tells whether games in the store have shown it, or it
    is assumed.
    """

    game: Game
    test: Gate
    variance: float
    measured: bool

    @property
    def if_not_better(self) -> Forecast:
        return self.test.forecast(self.test.bounds(self.variance)[0], self.variance)

    @property
    def if_better(self) -> Forecast:
        return self.test.forecast(self.test.bounds(self.variance)[1], self.variance)

    def __str__(self) -> str:
        test = self.test
        return (
            f"{self.game.id}: at most {test.pairs} pairs ({self.games} games), score {test.high:.4g} "
            f"against {test.low:.4g}, α={test.alpha:g}, β={test.beta:g}; "
            f"if not better: {self._told(self.if_not_better)}; if better: {self._told(self.if_better)} "
            f"(spread of a pair {self.variance**0.5:.3g}, {'as measured' if self.measured else 'assumed'})"
        )

    @property
    def games(self) -> int:
        """How many games all pairs have."""
        return self.test.pairs * len(seatings_of(self.game, ("new", "old")))

    def _told(self, expected: Forecast) -> str:
        return f"{expected.pairs:.0f} pairs, decides with chance {expected.decides:.0%}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A gate's decision on `new` against `old` (entrant ids), from `pairs` that counted.

    `given_up` are the numbers of pairs that faults of the machinery kept from being played. `score` is the
    mean of the pairs that counted. Its 95 % interval holds though the test chose when to stop; the mean
    itself leans to the side that was decided for.
    """

    new: str
    old: str
    gate: Gate
    unit: str
    decision: Decision
    given_up: tuple[int, ...] = ()
    score: Estimate | None = None

    def __str__(self) -> str:
        """The decision with what the pairs show of its size."""
        told = f"{self.decision.outcome or 'not decided'} after {self.decision.pairs} pairs"
        if self.score is None:
            return told
        value, low, high = self.score.value, self.score.low, self.score.high
        if self.unit != "Elo":
            return f"{told}; payoff {value:+.3g} [{low:+.3g}, {high:+.3g}], wherever a test stops"
        # scores of 0 and 1 lie at an infinite Elo
        ends = [f"{elo(min(max(at, 1e-6), 1 - 1e-6)):+.0f}" for at in (value, low, high)]
        return (
            f"{told}; score {value:.1%} [{low:.1%}, {high:.1%}], "
            f"{ends[0]} Elo [{ends[1]}, {ends[2]}], wherever a test stops"
        )


def gate_of(
    game: Game,
    low: float | None = None,
    high: float | None = None,
    *,
    alpha: float = 0.05,
    beta: float = 0.05,
    pairs: int = 400,
    normalised: bool = False,
) -> Gate:
    """The gate of a game: bounds in Elo (0, 50) for win games, else in payoff (0, 1/20 of its range).

    `normalised`: in nElo, whose bounds do not depend on how many games are drawn. Raises GateError.
    """
    if normalised:
        if game.score != "win":
            raise GateError(
                f"a normalised gate needs a game that is scored by wins; {game.id} is none"
            )
        top = 50.0 if high is None else high
        return Gate(low or 0.0, top, alpha, beta, pairs, normalised=True)
    if game.score == "win":
        upper = 50.0 if high is None else high
        return Gate.elo(low or 0.0, upper, alpha=alpha, beta=beta, pairs=pairs)

    least, most = game.payoff_range
    upper = (most - least) * RANGE_SHARE if high is None else high
    # a forfeit pays lo − 1, and in zero-sum games as much to the other
    ends = (least - 1, max(most, 1 - least))
    return Gate(low or 0.0, upper, alpha, beta, pairs, ends)


def gate(
    game: Game,
    new: Policy,
    old: Policy,
    store: str | Path,
    test: Gate | None = None,
    *,
    seed: int = 0,
    judges: Mapping[str, Policy] | None = None,
    executor: Callable[[Mapping[str, Policy]], Executor] = Local,
    say: Say = lambda _: None,
) -> Ruling:
    """Play `new` against `old` until the test decides. `plan` tells what to expect, and plays nothing.

    Raises EntrantError, TournamentError, RunError or StoreError; games already played are never lost.
    """
    planned = plan(game, new, old, store, test)
    say(str(planned))

    chosen = planned.test
    names = (new.ref.id, old.ref.id)
    sitting = {policy.ref.id: policy for policy in (judges or {}).values()}
    everyone = {new.ref.id: new, old.ref.id: old, **sitting}

    with Store(store) as base:
        # other rules under this name are refused before anything is played
        base.admit(game)
        for policy in everyone.values():
            base.enter(policy.ref)

        settings = {"new": names[0], "old": names[1], "seed": seed, **_plain(chosen)}
        # a second run that played on would be a second look at the same test
        if found := _ruled(base, game, settings, chosen):
            say(f"decided before: {found.decision.outcome}")
            return found

        games = _games(game, chosen, names, seed, judges or {})
        live = _Live(game, chosen, names, say)

        given_up = asyncio.run(_play(base, game, games, executor(everyone), live))

        ruling = rule(base.rows(game, "gate"), game, settings, chosen, given_up)
        # what is not decided is not kept: a later run may still play on
        if ruling.decision.outcome:
            base.find("gate", game, {**settings, "given_up": sorted(given_up)}, text(ruling))
        return ruling


def plan(
    game: Game, new: Policy, old: Policy, store: str | Path, test: Gate | None = None
) -> GatePlan:
    """What to expect of `gate` with the same arguments. Nothing is played or written.

    Raises EntrantError for one player under two names, and TournamentError for a game that has no gate.
    """
    known([new, old])
    if len(places(game)) != 2 or game.score is None:
        raise TournamentError(f"a gate needs a game of two places with a score; {game.id} is none")

    measured = _spread(game, Path(store))
    variance = measured or assumed(_kind(game), *game.payoff_range)
    return GatePlan(game, test or gate_of(game), variance, measured is not None)


def _games(
    game: Game, test: Gate, names: Sequence[str], seed: int, judges: Mapping[str, Policy]
) -> list[Fixture]:
    """All games of the gate's pairs, in the order in which they count."""
    sitting = {role: policy.ref.id for role, policy in judges.items()}
    seats = seatings_of(game, names)
    return [
        fixture
        for order in range(test.pairs)
        for fixture in fixtures(game, block("gate", seed, names, order, seats), "gate", sitting)
    ]


def _spread(game: Game, store: Path) -> float | None:
    """What the games of this store show of pairs' scores, if it has any."""
    if not store.is_file():
        return None
    with Archive(store) as archive:
        rows = [
            row
            for purpose in ("rating", "gate")
            for row in archive.rows(game, purpose, voids=False)
        ]
    return spread(rows, _kind(game))


def rule(
    rows: Iterable[GameRow],
    game: Game,
    settings: Mapping[str, Any],
    test: Gate,
    given_up: Iterable[int] = (),
) -> Ruling:
    """The decision that follows from a gate's rows."""
    new, old, kind = settings["new"], settings["old"], _kind(game)

    # a store may hold several gates of the same two: the seeds tell which rows are this one's
    seeds = {
        block("gate", settings["seed"], (new, old), order, ()).seed for order in range(test.pairs)
    }

    mine = [
        row for row in rows if row.seed in seeds and {p.entrant for p in row.places} <= {new, old}
    ]

    missing = frozenset(given_up)
    scores = [_score(pair, new, kind) for pair in prefix(complete(mine), missing)]
    unit = "Elo" if kind == "win" else "payoff"
    decision = test.judge(scores)
    # pairs beyond the decision were in flight when it fell, and do not count
    shown = _measured(scores[: decision.pairs], test) if decision.pairs else None
    return Ruling(new, old, test, unit, decision, tuple(sorted(missing)), shown)


def _measured(scores: Sequence[float], test: Gate) -> Estimate:
    """The mean of the pairs that counted, with an interval that holds wherever the test stopped."""
    counts = Counter(scores)
    support = sorted(counts)
    # the interval holds only where no score lies outside its ends
    ends = (min([*test.support, *support]), max([*test.support, *support]))
    low, high = confidence(support, [counts[at] for at in support], ends, 0.05)
    mean = sum(scores) / len(scores)
    error = (sum((at - mean) ** 2 for at in scores) / max(1, len(scores) - 1) / len(scores)) ** 0.5
    return Estimate(mean, error, low, high)


def text(ruling: Ruling) -> str:
    """A ruling as canonical text."""
    return canonical({**asdict(ruling), "statistics": STATISTICS})


def test_of(settings: Mapping[str, Any]) -> Gate:
    """The gate that a finding's settings describe."""
    fields = {name: settings[name] for name in ("low", "high", "alpha", "beta", "pairs")}
    normalised = bool(settings.get("normalised", False))
    return Gate(**fields, support=tuple(settings["support"]), normalised=normalised)


def _plain(test: Gate) -> dict[str, Any]:
    return {**asdict(test), "support": list(test.support)}


def _ruled(store: Store, game: Game, settings: Mapping[str, Any], test: Gate) -> Ruling | None:
    """What was decided before under the same settings: a decision is made once."""
    # through text: stored settings have lists where these have tuples
    wanted = json.loads(canonical(dict(settings)))

    for found in store.findings("gate"):
        # what was given up came of the run and was not asked for
        asked = {name: value for name, value in found.settings.items() if name != "given_up"}
        if found.game == game.ref and asked == wanted:
            rows = store.rows(game, "gate", upto=(found.upto, found.voids))
            return rule(rows, game, settings, test, found.settings["given_up"])
    return None


class _Live:
    """The LLR as the finished prefix grows: one step of the curve for each pair, in order of issue."""

    def __init__(self, game: Game, test: Gate, names: Sequence[str], say: Say) -> None:
        self._test = test
        self._new = names[0]
        self._kind: ScoreKind = _kind(game)
        self._say = say
        self._rows: dict[int, list[GameRow]] = {}
        self._counts: Counter[float] = Counter(dict.fromkeys(test.support, 0))
        self._next = 0
        self.decided = False

    def add(self, row: GameRow) -> bool:
        """Count a row in; True once the test has crossed a bound."""
        self._rows.setdefault(row.order, []).append(row)
        while not self.decided and len(self._rows.get(self._next, ())) == row.legs:
            (pair,) = complete(self._rows.pop(self._next))

            # pairs count in order of issue: a pair that finished early waits for those before it
            self._next += 1
            self._counts[_score(pair, self._new, self._kind)] += 1
            self._look()
        return self.decided

    def _look(self) -> None:
        test = self._test
        now = test.ratio(self._counts)
        self.decided = not test.lower < now < test.upper
        self._say(f"pair {self._next}: LLR {now:+.3f} in ({test.lower:.3f}, {test.upper:.3f})")


async def _play(
    store: Store, game: Game, games: Sequence[Fixture], executor: Executor, live: _Live
) -> frozenset[int]:
    """Play until decided. Returns the numbers of the pairs that no attempt could play."""
    pairs = {fixture.pair for fixture in games}
    for row in store.rows(game, "gate", voids=False):
        # rows of an earlier run count first; they may decide already
        if row.pair in pairs and live.add(row):
            return frozenset()

    # games that failed in this attempt; a later attempt may still play them
    void: set[str] = set()
    async with aclosing(carry_out(store, games, executor)) as outcomes:
        async for settled in outcomes:
            row = settled.row
            if row.void:
                void.add(row.key)
                continue
            void.discard(row.key)
            if live.add(row):
                return frozenset()
    return frozenset(fixture.order for fixture in games if fixture.key in void)


def _score(pair: Pair, entrant: str, kind: ScoreKind) -> float:
    # sums of payoffs may differ by rounding, and each would count as another score
    return round(pair.score(entrant, kind), 9)


def _kind(game: Game) -> ScoreKind:
    return game.score or "win"
