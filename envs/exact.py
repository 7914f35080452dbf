"""The whole tree of a small game, in sequence form: exact values, best responses and NashConv.

The tree is walked once, by replay of a `Table` with open chance; every `Ask` must list its `choices`.
Simultaneous asks become hidden sequential ones: a seat asked later sees nothing of the earlier answer,
because an information set is the seat's own view. Views only grow, so every seat has perfect recall,
and the tree folds into one line per leaf (chance × each seat's last sequence × payoff); a policy is
then evaluated without touching the rules again (von Stengel 1996, "Efficient computation of behavior
strategies"). Retries are not walked: a policy is what it does among legal choices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .errors import SparringError
from .registry import Game
from .script import Chance
from .table import Answer, Table, replay
from .types import Ask, Message, Reply, Value
from .values import canonical

ViewKey: TypeAlias = tuple[str, tuple[Message, ...]]
Odds: TypeAlias = Sequence[float]
Behaviour: TypeAlias = (
    Mapping[ViewKey, Odds] | Callable[[str, tuple[Message, ...], tuple[str, ...]], Odds]
)
"""What a policy does at each information set: probabilities in the order of its choices."""

Floats: TypeAlias = NDArray[np.float64]
MAX_NODES = 1_000_000
SMALL = 20_000
"""Nodes up to which a tree is walked without being asked for: a few seconds."""


class TreeError(SparringError, ValueError):
    """The game has no tree that can be walked, or a policy does not fit it."""


@dataclass(frozen=True, slots=True)
class InfoSet:
    """A point of decision as its seat sees it; `messages` is the seat's whole view."""

    seat: str
    role: str
    messages: tuple[Message, ...]
    choices: tuple[str, ...]

    @property
    def key(self) -> ViewKey:
        return self.seat, self.messages


@dataclass(frozen=True, slots=True)
class Spot:
    """An information set in sequence form.

    `parent` is the sequence of its seat that leads here; its own choices are the sequences `start`,
    `start + 1` and so on.
    """

    info: InfoSet
    parent: int
    start: int


@dataclass(frozen=True, slots=True)
class Response:
    """A seat's best answer to fixed policies of the others: its value, and the choice at each view."""

    seat: str
    value: float
    choices: Mapping[ViewKey, str]


@dataclass(frozen=True, slots=True)
class Exploit:
    """How far from equilibrium a profile is. `improvements` is what each player could gain alone."""

    values: Mapping[str, float]
    improvements: Mapping[str, float]

    @property
    def nash_conv(self) -> float:
        """The sum of all improvements; 0 exactly at a Nash equilibrium."""
        return sum(self.improvements.values())


@dataclass(frozen=True, eq=False)
class Tree:
    """A game's tree. L leaves, S sequences (the first ones are the seats' empty sequences).

    Two trees are equal when they are the same object, so that what is solved of one can be kept by it.

    nodes:   histories walked: chance, decisions and leaves.
    spots:   every information set, parents before children.
    chance:  probability of each leaf under chance alone, shape (L,).
    last:    each seat's last sequence at each leaf, in the order of `game.seats`, shape (L, seats).
    payoff:  in the order of `game.players`, shape (L, players).
    notes:   of each leaf, what was noted in numbers; a list note `right` is there as `right/0`, `right/1`.
    """

    game: Game
    nodes: int
    spots: tuple[Spot, ...]
    sequences: int
    chance: Floats
    last: NDArray[np.int64]
    payoff: Floats
    notes: tuple[Mapping[str, float], ...]

    @property
    def infosets(self) -> tuple[InfoSet, ...]:
        return tuple(spot.info for spot in self.spots)

    @property
    def leaves(self) -> int:
        return len(self.chance)

    @cached_property
    def _spots_of(self) -> Mapping[str, tuple[Spot, ...]]:
        return {
            seat: tuple(s for s in self.spots if s.info.seat == seat) for seat in self.game.seats
        }

    def plan(self, policy: Behaviour) -> Floats:
        """For every sequence, the probability that its seat's own choices allow it; shape (S,).

        Raises TreeError when the policy misses an information set or its odds are no distribution.
        """
        odds = policy.__getitem__ if isinstance(policy, Mapping) else None
        plan = np.ones(self.sequences)
        for spot in self.spots:
            info = spot.info
            try:
                given = (
                    odds(info.key)
                    if odds
                    else cast(Any, policy)(info.seat, info.messages, info.choices)
                )
            except KeyError:
                raise TreeError(f"the policy has no odds for {_where(info)}") from None
            _check_odds(info, given)
            weight = plan[spot.parent]
            for offset, chosen in enumerate(given):
                plan[spot.start + offset] = weight * chosen
        return plan

    def reach(self, policy: Behaviour) -> Floats:
        """Probability of each leaf when every seat follows the policy; shape (L,)."""
        return self.chance * self.plan(policy)[self.last].prod(axis=1)

    def values(self, policy: Behaviour) -> dict[str, float]:
        """The expected payoff of every player."""
        expected = self.reach(policy) @ self.payoff
        return dict(zip(self.game.players, expected.tolist(), strict=True))

    def means(self, policy: Behaviour) -> dict[str, float]:
        """The expected value of every note that is a number, given that it is noted."""
        total: dict[str, float] = {}
        reached: dict[str, float] = {}
        for chance, noted in zip(self.reach(policy).tolist(), self.notes, strict=True):
            for name, value in noted.items():
                total[name] = total.get(name, 0.0) + chance * value
                reached[name] = reached.get(name, 0.0) + chance
        return {name: total[name] / reached[name] for name in total if reached[name]}

    def outcomes(self, policy: Behaviour) -> dict[tuple[float, ...], float]:
        """The probability of each payoff, in the order of `game.players`."""
        odds: dict[tuple[float, ...], float] = {}
        for chance, payoff in zip(self.reach(policy).tolist(), self.payoff.tolist(), strict=True):
            odds[tuple(payoff)] = odds.get(tuple(payoff), 0.0) + chance
        return odds

    def best_response(self, seat: str, policy: Behaviour) -> Response:
        """The best that a player can do against the policy in all other seats."""
        return self._respond(seat, self.plan(policy))

    def exploit(self, policy: Behaviour) -> Exploit:
        """Values, and what every player could gain by deviating alone."""
        plan = self.plan(policy)
        expected = (self.chance * plan[self.last].prod(axis=1)) @ self.payoff
        values = dict(zip(self.game.players, expected.tolist(), strict=True))
        gains = {seat: self._respond(seat, plan).value - value for seat, value in values.items()}
        return Exploit(values, gains)

    def nash_conv(self, policy: Behaviour) -> float:
        """Sum over players of best-response value minus value (Lanctot et al. 2017)."""
        return self.exploit(policy).nash_conv

    def _respond(self, seat: str, plan: Floats) -> Response:
        """Backward over the seat's own information sets: each takes its best sequence."""
        column = self.game.seats.index(seat)
        others = np.delete(self.last, column, axis=1)
        gain = (
            self.chance * plan[others].prod(axis=1) * self.payoff[:, self.game.players.index(seat)]
        )
        worth: list[float] = np.bincount(self.last[:, column], gain, self.sequences).tolist()
        choices: dict[ViewKey, str] = {}
        for spot in reversed(self._spots_of[seat]):
            options = worth[spot.start : spot.start + len(spot.info.choices)]
            best = max(range(len(options)), key=options.__getitem__)
            worth[spot.parent] += options[best]
            choices[spot.info.key] = spot.info.choices[best]
        return Response(seat, worth[column], choices)


def uniform(seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]) -> Odds:
    """The policy that takes every legal choice with equal probability."""
    return (1 / len(choices),) * len(choices)


def seated(policies: Mapping[str, Behaviour]) -> Behaviour:
    """One profile out of a policy for each seat."""

    def odds(seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]) -> Odds:
        policy = policies[seat]
        if isinstance(policy, Mapping):
            return policy[seat, messages]
        return policy(seat, messages, choices)

    return odds


_walked: dict[tuple[str, str], Tree] = {}


def tree(game: Game, max_nodes: int = MAX_NODES) -> Tree:
    """The tree of a game, walked once per process.

    Raises TreeError for a game that draws from `randomness()`, runs jobs, asks without `choices`,
    refuses one of its own choices, or has more than `max_nodes` nodes.
    """
    key = (game.id, canonical(game.ref.parameters))
    known = _walked.get(key)
    if known is None or known.game != game:
        known = _walked[key] = _Walk(game, max_nodes).tree()
    if known.nodes > max_nodes:
        raise _too_large(game, max_nodes)
    return known


class _Walk:
    """Grows the lists of a Tree, depth first."""

    def __init__(self, game: Game, max_nodes: int) -> None:
        self.game = game
        self.max_nodes = max_nodes
        self.nodes = 0
        self.spots: dict[ViewKey, Spot] = {}
        self.sequences = len(game.seats)
        self.chance: list[float] = []
        self.last: list[tuple[int, ...]] = []
        self.payoff: list[tuple[float, ...]] = []
        self.notes: list[Mapping[str, float]] = []

    def tree(self) -> Tree:
        empty = tuple(range(len(self.game.seats)))
        self._grow(Table(self.game, open_chance=True), 1.0, empty)
        return Tree(
            game=self.game,
            nodes=self.nodes,
            spots=tuple(self.spots.values()),
            sequences=self.sequences,
            chance=np.array(self.chance),
            last=np.array(self.last, dtype=np.int64),
            payoff=np.array(self.payoff, dtype=np.float64),
            notes=tuple(self.notes),
        )

    def _grow(self, table: Table, odds: float, last: tuple[int, ...]) -> None:
        self._count()
        if table.unopened:
            raise TreeError(
                f"{self.game.id} draws what cannot be enumerated (randomness or recall)"
            )
        if table.ending:
            self._leaf(table, odds, last)
        elif table.chance:
            self._branch(table, odds, [(i, p, last) for i, p in _shares(table.chance)])
        elif table.asks:
            self._branch(table, odds, self._joint(table, table.asks, last))
        else:
            raise TreeError(f"{self.game.id} asks a verifier, so its tree cannot be walked")

    def _branch(
        self, table: Table, odds: float, ways: list[tuple[Answer, float, tuple[int, ...]]]
    ) -> None:
        """Grow under every answer; the last one takes the table itself, which saves a replay."""
        before = list(table.answers)
        for index, (answer, share, last) in enumerate(ways):
            here = (
                table
                if index == len(ways) - 1
                else replay(self.game, table.seed, before, open_chance=True)
            )
            here.answer(answer)
            self._refuse_retry(here)
            self._grow(here, odds * share, last)

    def _joint(
        self, table: Table, asks: tuple[Ask, ...], last: tuple[int, ...]
    ) -> list[tuple[Answer, float, tuple[int, ...]]]:
        """Every combination of the asked seats' choices."""
        ways: list[tuple[tuple[Reply, ...], tuple[int, ...]]] = [((), last)]
        for index, asked in enumerate(asks):
            for _ in range(len(ways) if index else 0):
                self._count()
            column = self.game.seats.index(asked.seat)
            spot = self._spot(table, asked, last[column])
            ways = [
                ((*replies, Reply(choice)), (*at[:column], spot.start + offset, *at[column + 1 :]))
                for replies, at in ways
                for offset, choice in enumerate(spot.info.choices)
            ]
        return [(replies, 1.0, at) for replies, at in ways]

    def _spot(self, table: Table, asked: Ask, parent: int) -> Spot:
        key = (asked.seat, table.view(asked.seat))
        known = self.spots.get(key)
        if known is None:
            if not asked.choices or len(set(asked.choices)) < len(asked.choices):
                raise TreeError(
                    f"{self.game.id} asks {asked.seat} with choices {asked.choices!r}; "
                    "a tree needs them listed, each once"
                )
            info = InfoSet(asked.seat, self.game.role_of[asked.seat], key[1], asked.choices)
            known = self.spots[key] = Spot(info, parent, self.sequences)
            self.sequences += len(asked.choices)
        if known.info.choices != asked.choices:
            raise TreeError(
                f"choices {known.info.choices} and {asked.choices} at one view: {_where(known.info)}"
            )
        if known.parent != parent:
            raise TreeError(f"{asked.seat} forgets its own moves: {_where(known.info)}")
        return known

    def _leaf(self, table: Table, odds: float, last: tuple[int, ...]) -> None:
        if table.fault:
            raise TreeError(
                f"{self.game.id} fails after {table.answers}: {table.fault}"
            ) from table.fault
        self.chance.append(odds)
        self.last.append(last)
        self.payoff.append(tuple(table.payoff[seat] for seat in self.game.players))
        self.notes.append(dict(_numbers(table.notes)))

    def _refuse_retry(self, table: Table) -> None:
        for asked in table.asks:
            if asked.retry:
                raise TreeError(f"{self.game.id} refuses a choice that it lists: {asked.prompt}")

    def _count(self) -> None:
        self.nodes += 1
        if self.nodes > self.max_nodes:
            raise _too_large(self.game, self.max_nodes)


def _numbers(notes: Sequence[tuple[str, Value]]) -> Iterator[tuple[str, float]]:
    """The notes that are numbers, and the numbers in those that are lists."""
    for name, value in notes:
        items = enumerate(value) if isinstance(value, list) else ()
        for label, item in [(name, value), *((f"{name}/{place}", item) for place, item in items)]:
            if isinstance(item, (bool, int, float)):
                yield label, float(item)


def _shares(draw: Chance) -> list[tuple[int, float]]:
    weights = draw.weights or ()
    total = sum(weights)
    return [(index, weight / total) for index, weight in enumerate(weights) if weight]


def _check_odds(info: InfoSet, odds: Odds) -> None:
    if len(odds) != len(info.choices) or min(odds) < 0 or abs(sum(odds) - 1) > 1e-6:
        raise TreeError(f"{list(odds)} is no distribution over {info.choices} at {_where(info)}")


def _where(info: InfoSet) -> str:
    return f"{info.seat}: {' / '.join(m.text for m in info.messages if m.speaker != 'system')}"


def _too_large(game: Game, max_nodes: int) -> TreeError:
    return TreeError(
        f"{game.id} has more than {max_nodes:,} nodes, and no more are walked (max_nodes)"
    )
