"""Proof of progress, exact: how far the language model's own policy is from equilibrium.

The model's distribution at every information set is computed, not sampled, so two evaluations of the
same weights agree and a curve shows learning and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...agents.language.exact import Distribution, distributions
from ...agents.language.transformer import Transformer
from ...agents.policy import Key, Request
from ...envs.equilibrium import equilibrium
from ...envs.exact import SMALL, Exploit, Odds, Tree, TreeError, ViewKey, seated, tree
from ...envs.registry import Game
from .records import Metrics


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is true of one policy in all seats of a game.

    nash_conv:    sum over seats of what each could gain by deviating alone; 0 only at equilibrium
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
        return found | {"versus_nash": self.versus_nash}


def exact_tree(game: Game, max_nodes: int = SMALL) -> Tree | None:
    """The game's tree, or None where it is too large or its chance cannot be enumerated."""
    try:
        return tree(game, max_nodes)
    except TreeError:
        return None


def evaluate(walked: Tree, policy: Transformer | Callable[[str], Transformer]) -> Evaluation:
    """Evaluate the policy in all seats, or the policy of each role in that role's seats.

    One batch of prompts a policy: every information set of the tree.
    """
    infosets = walked.infosets

    # Which seed a key names does not matter here: nothing is sampled.
    key = Key(0, 0, "", 0)
    requests = [Request(i.seat, i.role, i.messages, i.choices, key) for i in infosets]
    found = _distributions(policy, requests)
    odds: dict[ViewKey, Odds] = {
        info.key: [one.probability[choice] for choice in info.choices]
        for info, one in zip(infosets, found, strict=True)
    }

    # The least and not the mean: one position where rules are forgotten must show.
    return judged(walked, odds, min(one.legal_mass for one in found))


def judged(walked: Tree, odds: Mapping[ViewKey, Odds], legal_mass: float = 1.0) -> Evaluation:
    """What is true of these odds, in all seats."""
    exploit = walked.exploit(odds)
    return Evaluation(
        exploit.nash_conv,
        legal_mass,
        exploit.values,
        _versus_nash(walked, odds),
        odds,
        exploit.improvements,
        _worst(walked, exploit),
        walked.means(odds),
        _entropy(walked, odds),
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


def _distributions(
    policy: Transformer | Callable[[str], Transformer], requests: Sequence[Request]
) -> Sequence[Distribution]:
    """The distribution at each request, of whoever plays its role."""
    if isinstance(policy, Transformer):
        return distributions(policy, requests)

    found: dict[int, Distribution] = {}
    for role in dict.fromkeys(request.role for request in requests):
        places = [i for i, request in enumerate(requests) if request.role == role]
        each = distributions(policy(role), [requests[i] for i in places])
        found |= dict(zip(places, each, strict=True))
    return [found[i] for i in range(len(requests))]


def _versus_nash(walked: Tree, odds: Mapping[ViewKey, Odds]) -> float | None:
    game = walked.game
    if game.sum != "zero" or len(game.seats) != 2:
        return None
    nash = equilibrium(walked)
    seats = [(seat, next(s for s in game.seats if s != seat)) for seat in game.seats]
    # Each seat once: a game may favour one of them.
    paid = [walked.values(seated({mine: odds, other: nash}))[mine] for mine, other in seats]
    return sum(paid) / len(paid)
