"""The values that games, schedules, statistics and reports share: games as rows, pairs, tables.

A *block* is what a schedule issues: one seed, and every seating of the same entrants over it. With two
places a played block is a *pair*. It is the unit of evidence and counts only when complete, and blocks
count in the order in which they were issued, never in the order in which they finished.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..envs.errors import SparringError

RowStatus: TypeAlias = Literal[
    "completed",
    "truncated",
    "forfeit_illegal",
    "forfeit_unparsable",
    "forfeit_length",
    "forfeit_timeout",
    "void_engine",
    "void_context",
    "void_worker",
    "void_quota",
    "void_env",
    "void_cancelled",
]
ScoreKind: TypeAlias = Literal["win", "payoff"]
Seating: TypeAlias = Mapping[str, str]
"""Which entrant sits at each rated place: place (a seat, or a role with `rated="role"`) to entrant id."""


STATISTICS = 5
"""Version of the formulas behind ratings and gates; a finding keeps the one that made it."""


class Tokens:
    """Whatever counts tokens read and written."""

    __slots__ = ()
    tokens_in: int
    tokens_out: int

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


class ResultsError(SparringError, ValueError):
    """Rows that cannot be what they claim: the message says which and why."""


@dataclass(frozen=True, slots=True)
class Place(Tokens):
    """One entrant in one game. `seat` is the rated place (a role's name when a role is one entrant's).

    Tokens, seconds (that its answers took) and cost are this entrant's own.
    """

    seat: str
    role: str
    entrant: str
    payoff: float
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class GameRow(Tokens):
    """One game as stored and rated.

    `pair` names the block and `order` is its place in the plan; `leg` counts the block's seatings, of
    which there are `legs`. `offenders` are the places of a forfeit. Void games have payoff 0 everywhere
    and never reach a rating. Tokens and cost (in the unit of the run's prices) are the whole game's, judges
    included; `seconds` is its share of the run's time.
    """

    pair: str
    order: int
    leg: int
    legs: int
    seed: int
    replicate: int
    places: tuple[Place, ...]
    status: RowStatus = "completed"
    offenders: tuple[str, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    key: str = ""

    @property
    def void(self) -> bool:
        return self.status.startswith("void")

    @property
    def forfeited(self) -> bool:
        return self.status.startswith("forfeit")

    @property
    def crossed(self) -> bool:
        """One of the four games of two entrants in two roles, each beside each and itself."""
        return self.legs == 4 and len(self.places) == 2

    @property
    def mirror(self) -> bool:
        """One entrant in several places: tells nothing of its strength."""
        if len(self.places) == 2:
            return self.places[0].entrant == self.places[1].entrant
        return len({place.entrant for place in self.places}) < len(self.places)


@dataclass(frozen=True, slots=True)
class Pair:
    """A complete block: every seating of the same entrants over one seed, legs in order, none void."""

    id: str
    order: int
    seed: int
    legs: tuple[GameRow, ...]

    @property
    def entrants(self) -> tuple[str, ...]:
        """Each entrant once, in the places of the first leg."""
        return tuple(dict.fromkeys(place.entrant for place in self.legs[0].places))

    @property
    def tokens(self) -> int:
        return sum(row.tokens for row in self.legs)

    def score(self, entrant: str, kind: ScoreKind) -> float:
        """The entrant's mean points over the legs: in [0, 1] for wins, else in payoff units."""
        mine = [
            value
            for row in self.legs
            for place, value in zip(row.places, points(row, kind), strict=True)
            if place.entrant == entrant
        ]
        if not mine:
            raise ResultsError(f"pair {self.id} has {', '.join(self.entrants)}, not {entrant!r}")
        return sum(mine) / len(mine)


@dataclass(frozen=True, slots=True)
class Block:
    """What a schedule issues: one seed, and all seatings of some entrants over it, in issue order."""

    order: int
    seed: int
    replicate: int
    entrants: tuple[str, ...]
    seatings: tuple[Seating, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its standard error and interval, all in one unit.

    An infinite `low` or `high` is open: the games bound the number to the other side only, or not at all.
    """

    value: float
    se: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Standing(Tokens):
    """One entrant's line of a leaderboard.

    `rating` and `roles` hold entrant by entrant; `ranks` (1 is best) hold for the whole table: they are
    what the differences leave open that are resolved after correction for all of them. `forfeits` counts
    this entrant's own, by cause; `truncated` its games that ran out of turns. Tokens, seconds (that its
    answers took) and cost are its own, over all games, void ones included.
    """

    entrant: str
    rating: Estimate
    rank: int
    ranks: tuple[int, int]
    roles: Mapping[str, Estimate]
    games: int = 0
    pairs: int = 0
    forfeits: Mapping[str, int] | None = None
    truncated: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Forgetting:
    """An ancestor that resolvably beats its descendant; `score` is the ancestor's.

    `least` is by how much the ancestor is ahead at the least, in points or payoff.
    """

    ancestor: str
    child: str
    score: Estimate
    generations: int
    least: float


WarningKind: TypeAlias = Literal[
    "forgetting", "no fit", "pools", "misfit", "cyclic", "few pairs", "no spread"
]


@dataclass(frozen=True, slots=True)
class Warning:
    """What bounds the meaning of a leaderboard; `text` names entrants by their ids."""

    kind: WarningKind
    text: str


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Ratings of all entrants from one joint fit, best first, with everything that bounds their meaning.

    `unit` is `Elo` or `payoff`; `anchor` is whose rating is 0 by definition (an id, or `mean`).
    `covariance[i][j]` is between the ratings of `standings[i]` and `standings[j]`, in the unit squared.
    `prior` names the prior that the ratings lean on ("" for none). `misfit` is the p-value of the model
    against the cells' observed scores (small: one number a player does not describe these games);
    `cyclic` is the share of the cells' variation that no ranking explains.
    `pools` are groups that never met, `tiers` the order of components where no finite fit exists.
    `forgetting` lists the ancestors that beat a descendant.
    """

    standings: tuple[Standing, ...]
    unit: Literal["Elo", "payoff"]
    anchor: str
    prior: str = ""
    covariance: tuple[tuple[float, ...], ...] = ()
    misfit: float | None = None
    cyclic: float | None = None
    pools: tuple[tuple[str, ...], ...] = ()
    tiers: tuple[tuple[str, ...], ...] = ()
    forgetting: tuple[Forgetting, ...] = ()
    warnings: tuple[Warning, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """How `a` did against `b` over complete pairs.

    `score` estimates a's mean points (win games: in [0, 1]) with an interval clustered on pairs, which
    holds for this cell alone. `lead` is `a` or `b` where it is resolved who is ahead, after correction for
    all cells of the table, else None: undecided. `flat`: all pairs ended alike.
    """

    a: str
    b: str
    score: Estimate
    pairs: int
    counts: tuple[int, ...] = ()
    lead: str | None = None
    kind: ScoreKind = "win"
    flat: bool = False

    @property
    def turned(self) -> Cell:
        """The same as b sees it: the rest of the points, or the opposite payoff."""
        whole, seen = middle(self.kind) * 2, self.score
        # seen from the other side the interval's ends change places
        score = Estimate(whole - seen.value, seen.se, whole - seen.high, whole - seen.low)
        return replace(self, a=self.b, b=self.a, score=score, counts=self.counts[::-1])


def middle(kind: ScoreKind) -> float:
    """What two who are level score."""
    return 0.5 if kind == "win" else 0.0


def points(row: GameRow, kind: ScoreKind) -> tuple[float, ...]:
    """What each place scored: its payoff, or the share of the other places that it beat (a tie is ½)."""
    paid = [place.payoff for place in row.places]
    if kind == "payoff":
        return tuple(paid)

    others = max(1, len(paid) - 1)
    # each place ties with itself, which is taken off again
    return tuple((sum((a > b) + (a == b) / 2 for b in paid) - 0.5) / others for a in paid)


def complete(rows: Iterable[GameRow], *, forfeits: bool = True) -> tuple[Pair, ...]:
    """The complete pairs among rows, in issue order; `forfeits=False` leaves out pairs that hold one.

    Void rows and mirror games (one entrant in several places) are left out, and with them their pair. Crossed
    blocks need their mirror games, and become pairs of two duels, one for each role.
    """
    blocks: dict[str, dict[int, GameRow]] = defaultdict(dict)
    for row in rows:
        if row.void or (row.forfeited and not forfeits) or (row.mirror and not row.crossed):
            continue

        legs = blocks[row.pair]
        if row.leg in legs:
            raise ResultsError(
                f"leg {row.leg} of pair {row.pair} came twice; rows must be exactly-once"
            )
        legs[row.leg] = row

    pairs = [
        Pair(id, legs[0].order, legs[0].seed, _told([legs[leg] for leg in sorted(legs)]))
        for id, legs in blocks.items()
        # legs count from 0, and each knows how many there are
        if 0 in legs and len(legs) == legs[0].legs
    ]
    return tuple(sorted(pairs, key=lambda pair: (pair.order, pair.id)))


def _told(legs: Sequence[GameRow]) -> tuple[GameRow, ...]:
    return duels(legs) if legs[0].crossed else tuple(legs)


def duels(legs: Sequence[GameRow]) -> tuple[GameRow, ...]:
    """The four games of a crossed block as two duels: who is paid more in a role, beside the same partners.

    In a duel both sit in the role, and win or lose half of what the one is paid more than the other, in the
    mean over the partners: it is zero-sum, and 0 for two who are alike.
    """
    first, second = legs[0].places
    names = sorted({place.entrant for leg in legs for place in leg.places})
    found: list[GameRow] = []
    for at, place in enumerate((first, second)):
        # two games each, one beside either partner
        mine, other = (
            [leg.places[at].payoff for leg in legs if leg.places[at].entrant == name]
            for name in names
        )
        lead = (sum(mine) - sum(other)) / len(legs)
        seated = zip(names, (lead, -lead), strict=True)
        found.append(
            replace(
                legs[at],
                leg=at,
                legs=2,
                places=tuple([Place(place.seat, place.role, who, won) for who, won in seated]),
            )
        )
    # what all four games used stands in the first, so that a pair's sums stay those of its games
    whole = {
        name: sum([getattr(leg, name) for leg in legs])
        for name in ("tokens_in", "tokens_out", "seconds", "cost")
    }
    return replace(found[0], **whole), replace(found[1], **dict.fromkeys(whole, 0))
