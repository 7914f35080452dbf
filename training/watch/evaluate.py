"""Proof of progress, exact: how far the language model's own policy is from equilibrium.

The model's distribution at every information set is computed, not sampled, so two evaluations of the
same weights agree and a curve shows learning and nothing else. Of a model that thinks, thoughts are drawn (by
the same noise each time), the odds given each are computed, and NashConv is bounded (`envs/estimate.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...agents.language.exact import behaviour
from ...agents.language.given_thoughts import drawn_behaviour
from ...agents.language.transformer import Transformer
from ...envs.equilibrium import equilibrium
from ...envs.estimate import Estimate, estimate, means
from ...envs.exact import (
    SMALL,
    Exploit,
    Floats,
    InfoSet,
    Odds,
    Tree,
    TreeError,
    ViewKey,
    seated,
    tree,
)
from ...envs.registry import Game
from ..weights import Average
from .records import Metrics

THOUGHTS = 16
"""At each information set: fewer leave intervals that cover less than they say."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is true of one policy in all seats of a game.

    nash_conv:    sum over seats of what each could gain by deviating alone; 0 only at equilibrium
    bounds:       the interval of a policy that thinks, of which `nash_conv` is the lower bound (None: exact)
    gains:        what each player could gain by deviating alone
    worst:        what each seat of a zero-sum game of two still gets against a best response (else empty)
    notes:        expected value of every note in numbers, in self-play
    entropy:      nats of choice in a seat's moves, summed over the game; e to it counts equally likely lines
    legal_mass:   the least probability, over information sets, that a free sample is a legal move
    values:       expected payoff of every seat in self-play
    versus_nash:  mean payoff against an equilibrium over both seatings; at most 0 (None: not zero-sum)
    odds:         the policy itself, by information set
    """

    nash_conv: float
    legal_mass: float
    values: Mapping[str, float]
    versus_nash: float | None
    odds: Mapping[ViewKey, Odds]
    gains: Mapping[str, float]
    worst: Mapping[str, float]
    notes: Mapping[str, float]
    entropy: Mapping[str, float]
    bounds: Estimate | None = None

    def metrics(self) -> Metrics:
        """All of it in numbers: names of quantities, and after them seats or notes."""
        found: Metrics = {"nashconv": self.nash_conv, "legal_mass": self.legal_mass}
        for name, numbers in (
            ("value", self.values),
            ("gain", self.gains),
            ("worst", self.worst),
            ("exact", self.notes),
            ("exact_entropy", self.entropy),
        ):
            found |= {f"{name}/{each}": number for each, number in numbers.items()}
        if self.bounds:
            found |= {"nashconv_low": self.bounds.low, "nashconv_high": self.bounds.high}
        return found | {"versus_nash": self.versus_nash}


def exact_tree(game: Game, max_nodes: int = SMALL) -> Tree | None:
    """The game's tree, or None where it is too large or its chance cannot be enumerated."""
    try:
        return tree(game, max_nodes)
    except TreeError:
        return None


def evaluate(
    walked: Tree, policy: Transformer | Callable[[str], Transformer], thoughts: int = THOUGHTS
) -> Evaluation:
    """Evaluate the policy in all seats, or the policy of each role in that role's seats.

    One batch of prompts a policy: every information set of the tree, with so many `thoughts` at each where
    the policy thinks. Raises ExactError for one that keeps its thoughts.
    """
    draws: dict[ViewKey, Floats] = {}
    odds: dict[ViewKey, Odds] = {}
    mass: dict[ViewKey, float] = {}
    thinking = False

    for who, infosets in _parts(walked, policy):
        thoughtful = who.dialect.of(infosets[0].role).thinks
        if thoughtful:
            drawn, legal = drawn_behaviour(who, infosets, thoughts)
            draws |= drawn
            odds |= means(drawn)
        else:
            found, legal = behaviour(who, infosets)
            odds |= found
            # beside a policy that thinks, one whose odds are known is one whose draws are all alike
            draws |= {key: np.tile(each, (thoughts, 1)) for key, each in found.items()}
        mass |= legal
        thinking = thinking or thoughtful

    # The least and not the mean: one position where rules are forgotten must show.
    least = min(mass.values())
    return judged(walked, odds, least, estimate(walked, draws) if thinking else None)


def measures(
    walked: Tree,
    policy: Transformer | Callable[[str], Transformer],
    thoughts: int,
    average: Average | None,
) -> Metrics:
    """All that is exact of the weights; NashConv, legal mass and payoff of their average."""
    found = evaluate(walked, policy, thoughts).metrics()
    if average:
        # the policy reads the same model, so it plays by the average inside
        with average.worn():
            mean = evaluate(walked, policy, thoughts)
        found |= {"nashconv_average": mean.nash_conv, "legal_mass_average": mean.legal_mass}
        found["versus_nash_average"] = mean.versus_nash
    return found


def judged(
    walked: Tree,
    odds: Mapping[ViewKey, Odds],
    legal_mass: float = 1.0,
    bounds: Estimate | None = None,
) -> Evaluation:
    """What is true of these odds, in all seats; `bounds` are those of a policy that thinks."""
    exploit = walked.exploit(odds)
    return Evaluation(
        bounds.value if bounds else exploit.nash_conv,
        legal_mass,
        exploit.values,
        _versus_nash(walked, odds),
        odds,
        exploit.improvements,
        _worst(walked, exploit),
        walked.means(odds),
        _entropy(walked, odds),
        bounds,
    )


def _worst(walked: Tree, exploit: Exploit) -> dict[str, float]:
    """A seat's value against the other's best response; empty where no one other takes all it loses."""
    game = walked.game
    if game.sum != "zero" or len(game.seats) != 2:
        return {}
    one, two = game.seats
    values, gains = exploit.values, exploit.improvements
    return {one: values[one] - gains[two], two: values[two] - gains[one]}


def _entropy(walked: Tree, odds: Mapping[ViewKey, Odds]) -> dict[str, float]:
    """Σ over leaves of reach · −log of the seat's own part in it: by the chain rule, that of its moves."""
    weight = walked.plan(odds)[walked.last]
    reach = walked.chance * weight.prod(axis=1)
    # A line that is never played has no reach, and its logarithm is left out.
    nats = -np.log(weight, out=np.zeros_like(weight), where=weight > 0)
    return dict(zip(walked.game.seats, (reach @ nats).tolist(), strict=True))


def _parts(
    walked: Tree, policy: Transformer | Callable[[str], Transformer]
) -> Iterator[tuple[Transformer, Sequence[InfoSet]]]:
    """Who decides at which information sets."""
    infosets = walked.infosets
    if isinstance(policy, Transformer) and not policy.dialect.thinking.roles:
        yield policy, infosets
        return
    for role in dict.fromkeys(info.role for info in infosets):
        who = policy if isinstance(policy, Transformer) else policy(role)
        yield who, [info for info in infosets if info.role == role]


def _versus_nash(walked: Tree, odds: Mapping[ViewKey, Odds]) -> float | None:
    game = walked.game
    if game.sum != "zero" or len(game.seats) != 2:
        return None
    nash = equilibrium(walked)
    seats = [(seat, next(s for s in game.seats if s != seat)) for seat in game.seats]
    # Each seat once: a game may favour one of them.
    paid = [walked.values(seated({mine: odds, other: nash}))[mine] for mine, other in seats]
    return sum(paid) / len(paid)
