"""One policy against another without sampling: every line of play that can come up, with its probability.

Where a tournament says how often a policy lost, this says how likely it loses, and how likely at worst.
Only what can come up is visited, so the game's tree may be far larger than what is walked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..agents.policy import Policy
from ..envs.errors import SparringError
from ..envs.exact import MAX_NODES, InfoSet, Odds, ViewKey
from ..envs.infosets import too_large
from ..envs.registry import Game
from ..envs.table import Table
from ..envs.types import Reply
from .exact_odds import odds_at


class MeetingError(SparringError, ValueError):
    """This game, or somebody in it, does not let a meeting be computed."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a policy is paid in `seat`, exactly.

    outcomes:       how likely each amount is.
    worst:          the mean if the other always takes what is worst for the policy, of the moves that it
                    might make and with both hands open: where nothing is hidden, the other's best response.
    lost_at_worst:  how likely less than 0 is paid, if the other takes what makes that likeliest.
    legal_mass:     the least probability, over the views that came up, that a free sample is a legal move.
    histories:      that were visited.
    """

    seat: str
    outcomes: Mapping[float, float]
    worst: float
    lost_at_worst: float
    legal_mass: float
    histories: int

    @property
    def value(self) -> float:
        return sum(paid * odds for paid, odds in self.outcomes.items())

    @property
    def won(self) -> float:
        """How likely more than 0 is paid."""
        return sum(odds for paid, odds in self.outcomes.items() if paid > 0)

    @property
    def lost(self) -> float:
        """How likely less than 0 is paid."""
        return sum(odds for paid, odds in self.outcomes.items() if paid < 0)


def meeting(
    game: Game,
    seat: str,
    policy: Policy,
    other: Policy | None,
    *,
    likeliest: bool = False,
    most: int = MAX_NODES,
) -> Meeting:
    """The policy in `seat` against `other`, or (None) against all who make legal moves, each as likely.

    With `likeliest` the policy makes its likeliest move, the first of equals. Raises MeetingError for a game
    that is not of two seats which move in turn among listed choices, and for who has no probabilities;
    TreeError where more than `most` histories can come up.
    """
    if len(game.seats) != 2 or seat not in game.seats:
        raise MeetingError(
            f"a meeting is of a seat and another; {game.id} has {', '.join(game.seats)}, and {seat!r} came"
        )
    walk = _Meeting(game, seat, policy, other, likeliest)
    level = [_History(Table(game, open_chance=True), 1.0)]
    nodes = list(level)
    while level:
        level = walk.grown(level)
        nodes += level
        if len(nodes) > most:
            raise too_large(game, most)

    outcomes: dict[float, float] = {}
    for node in nodes:
        if not node.after:
            outcomes[node.paid] = outcomes.get(node.paid, 0.0) + node.reach
    return Meeting(
        seat,
        outcomes,
        _at_worst(nodes, lambda paid: paid, min),
        _at_worst(nodes, lambda paid: float(paid < 0), max),
        walk.legal_mass,
        len(nodes),
    )


class _History:
    """A history: how likely it is, and what comes after it with which odds; at its end what it paid.

    `free` says that the other moves here.
    """

    __slots__ = ("after", "free", "paid", "reach", "table")

    def __init__(self, table: Table, reach: float) -> None:
        self.table: Table | None = table
        self.reach = reach
        self.after: list[tuple[float, _History]] = []
        self.free = False
        self.paid = 0.0


class _Meeting:
    def __init__(
        self, game: Game, seat: str, policy: Policy, other: Policy | None, likeliest: bool
    ) -> None:
        self._game = game
        self._seat = seat
        self._policy = policy
        self._other = other
        self._likeliest = likeliest
        self.legal_mass = 1.0

    def grown(self, level: Sequence[_History]) -> list[_History]:
        """The histories one answer further; those that have ended are paid."""
        views = {info.key: info for node in level for info in self._asked(node)}
        odds = self._odds([*views.values()])
        return [child for node in level for child in self._branches(node, odds)]

    def _asked(self, node: _History) -> list[InfoSet]:
        assert node.table is not None
        asks = node.table.asks
        if node.table.jobs or any(not ask.choices or ask.retry for ask in asks) or len(asks) > 1:
            raise MeetingError(
                f"{self._game.id} is not two seats that move in turn among listed choices"
            )
        return [
            InfoSet(
                ask.seat,
                self._game.role_of[ask.seat],
                node.table.view(ask.seat),
                ask.choices or (),
            )
            for ask in asks
        ]

    def _odds(self, infosets: Sequence[InfoSet]) -> Mapping[ViewKey, Odds]:
        """Of both seats, each asked for all its views at once."""
        own = [info for info in infosets if info.seat == self._seat]
        theirs = [info for info in infosets if info.seat != self._seat]
        found, legal = self._known(self._policy, own)
        self.legal_mass = min((self.legal_mass, *legal.values()))
        if self._likeliest:
            found = {key: _one_hot(odds) for key, odds in found.items()}
        if self._other is None:
            return {**found, **{i.key: (1 / len(i.choices),) * len(i.choices) for i in theirs}}
        return {**found, **self._known(self._other, theirs)[0]}

    def _known(
        self, policy: Policy, infosets: Sequence[InfoSet]
    ) -> tuple[Mapping[ViewKey, Odds], Mapping[ViewKey, float]]:
        if not infosets:
            return {}, {}
        known = odds_at(policy, infosets)
        if known is None:
            raise MeetingError(
                f"{policy.ref.name} does not say how likely its moves are in {self._game.id}; "
                "games that are played do: sparring tournament"
            )
        return known

    def _branches(self, node: _History, odds: Mapping[ViewKey, Odds]) -> list[_History]:
        table, node.table = node.table, None
        assert table is not None
        if table.ending:
            if table.fault:
                raise MeetingError(f"{self._game.id} failed: {table.ending.reason}")
            node.paid = table.payoff[self._seat]
            return []

        ways: list[tuple[float, int | tuple[Reply]]]
        if table.chance:
            weights = table.chance.weights or ()
            ways = [(weight / sum(weights), index) for index, weight in enumerate(weights)]
        else:
            (ask,) = table.asks
            node.free = ask.seat != self._seat
            shares = odds[ask.seat, table.view(ask.seat)]
            total = sum(shares)
            replies = [(Reply(choice),) for choice in ask.choices or ()]
            ways = [(share / total, reply) for share, reply in zip(shares, replies, strict=True)]

        ways = [way for way in ways if way[0] > 0]
        for share, answer in ways:
            # a script cannot be copied: all but the last branch play again what led here
            further = table if answer is ways[-1][1] else self._again(table)
            further.answer(answer)
            node.after.append((share, _History(further, node.reach * share)))
        return [child for _, child in node.after]

    def _again(self, table: Table) -> Table:
        fresh = Table(self._game, open_chance=True)
        for answer in table.answers:
            fresh.answer(answer)
        return fresh


def _one_hot(odds: Odds) -> Odds:
    best = max(range(len(odds)), key=odds.__getitem__)
    return tuple(float(index == best) for index in range(len(odds)))


def _at_worst(
    nodes: Sequence[_History],
    worth: Callable[[float], float],
    worst: Callable[[Iterable[float]], float],
) -> float:
    """The expectation of `worth` of what is paid, where the other always takes the `worst` of its ways."""
    found: dict[int, float] = {}
    # parents stand before children
    for node in reversed(nodes):
        if not node.after:
            found[id(node)] = worth(node.paid)
        elif node.free:
            found[id(node)] = worst(found[id(child)] for _, child in node.after)
        else:
            found[id(node)] = sum(share * found[id(child)] for share, child in node.after)
    return found[id(nodes[0])]
