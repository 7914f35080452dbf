"""The whole tree of a small game, in sequence form: exact values, best responses and NashConv.

The tree is walked once (`tree_walk.py`); every `Ask` must list its `choices`.
Simultaneous asks become hidden sequential ones: a seat asked later sees nothing of the earlier answer,
because an information set is the seat's own view. Views only grow, so every seat has perfect recall,
and the tree folds into one line per leaf (chance × each seat's last sequence × payoff); a policy is
then evaluated without touching the rules again (von Stengel 1996, "Efficient computation of behavior
strategies"). Retries are not walked: a policy is what it does among legal choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .declaration import Game
from .infosets import MAX_NODES as MAX_NODES
from .infosets import InfoSet as InfoSet
from .infosets import Spot as Spot
from .infosets import TreeError as TreeError
from .infosets import ViewKey as ViewKey
from .infosets import too_large, where
from .tree_walk import Walk
from .types import Message
from .values import canonical

Odds: TypeAlias = Sequence[float]
Behaviour: TypeAlias = (
    Mapping[ViewKey, Odds] | Callable[[str, tuple[Message, ...], tuple[str, ...]], Odds]
)
"""What a policy does at each information set: probabilities in the order of its choices."""

Floats: TypeAlias = NDArray[np.float64]
SMALL = 20_000
"""Nodes up to which a tree is walked without being asked for: a few seconds."""


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
        plan = np.ones(self.sequences)

        for spot in self.spots:
            info = spot.info
            try:
                given = (
                    policy[info.key]
                    if isinstance(policy, Mapping)
                    else policy(info.seat, info.messages, info.choices)
                )
            except KeyError:
                raise TreeError(f"the policy has no odds for {where(info)}") from None
            _check_odds(info, given)

            # parents stand before children, so the parent's weight is final here
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
        # what each leaf is worth to the seat if it plays towards it, under the others' plans
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
    if known is None or known.game != game:  # a file may have been loaded anew
        known = _walked[key] = _tree(game, max_nodes)
    if known.nodes > max_nodes:
        raise too_large(game, max_nodes)
    return known


def _tree(game: Game, max_nodes: int) -> Tree:
    walk = Walk(game, max_nodes)
    walk.walk()
    return Tree(
        game=game,
        nodes=walk.nodes,
        spots=walk.spots,
        sequences=walk.sequences,
        chance=np.array(walk.chance),
        last=np.array(walk.last, dtype=np.int64),
        payoff=np.array(walk.payoff, dtype=np.float64),
        notes=tuple(walk.notes),
    )


def _check_odds(info: InfoSet, odds: Odds) -> None:
    if len(odds) != len(info.choices) or min(odds) < 0 or abs(sum(odds) - 1) > 1e-6:
        raise TreeError(f"{list(odds)} is no distribution over {info.choices} at {where(info)}")
