"""A model's exact distribution over the legal moves, from likelihoods of whole replies (`choices.py`).

They are taken on the prompt used in play, under the settings used in play.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ...envs.errors import SparringError
from ...envs.exact import InfoSet, ViewKey
from ..policy import Key, Request
from .transformer import Transformer


class ExactError(SparringError, ValueError):
    """This policy, or this request, has no exact distribution."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """`probability` of each choice, normalised; `legal_mass` is their sum before.

    A choice counts as the tokenizer writes it. Other spellings that a game would accept count as
    illegal, so `legal_mass` is a lower bound.
    """

    probability: Mapping[str, float]
    legal_mass: float


def distributions(policy: Transformer, requests: Sequence[Request]) -> list[Distribution]:
    """The policy's distribution over each request's choices, under its sampling settings.

    All requests share batches: one pass over the distinct prompts, and one per further token of the
    longest choice. Raises ExactError for a policy that thinks before it moves (what it says then has
    no likelihood of its own) and for a request without choices.
    """
    if any(policy.dialect.of(request.role).thinks for request in requests):
        raise ExactError(
            f"{policy.ref.name} thinks before it moves: its moves have no exact likelihood"
        )

    for request in requests:
        if not request.choices:
            raise ExactError(
                f"an exact distribution needs choices; {request.seat} was asked without any"
            )

    # equal prompts are scored once, with the choices of all their requests
    prompts = policy.prompts(requests)
    wanted: list[tuple[tuple[int, ...], set[tuple[int, ...]]]] = []
    spelt: list[dict[str, tuple[int, ...]]] = []
    for request, prompt in zip(requests, prompts, strict=True):
        spelt.append({choice: policy.dialect.choice(choice) for choice in request.choices or ()})
        wanted.append((prompt, {*spelt[-1].values()}))

    scores = policy.scores(wanted, policy.sampling)
    return [
        _normalised(
            {c: math.exp(scores[prompt][tokens].total) for c, tokens in choices.items()},
            policy,
            request,
        )
        for request, prompt, choices in zip(requests, prompts, spelt, strict=True)
    ]


def behaviour(
    policy: Transformer, infosets: Sequence[InfoSet]
) -> tuple[dict[ViewKey, tuple[float, ...]], dict[ViewKey, float]]:
    """The policy at every information set: odds in the order of the choices, and the legal mass.

    The odds go straight into `Tree.exploit` and its kin.
    """
    # the key is never used: an exact distribution draws no noise
    requests = [
        Request(info.seat, info.role, info.messages, info.choices, Key(0, 0, info.seat, 0))
        for info in infosets
    ]

    odds: dict[ViewKey, tuple[float, ...]] = {}
    mass: dict[ViewKey, float] = {}
    for info, found in zip(infosets, distributions(policy, requests), strict=True):
        odds[info.key] = tuple(found.probability[choice] for choice in info.choices)
        mass[info.key] = found.legal_mass
    return odds, mass


def _normalised(
    likelihoods: dict[str, float], policy: Transformer, request: Request
) -> Distribution:
    mass = sum(likelihoods.values())
    # also true for nan, which `mass <= 0` would let through
    if not mass > 0:
        raise ExactError(
            f"{policy.ref.name} gives no choice of {request.seat} any probability: {likelihoods}"
        )
    return Distribution(MappingProxyType({c: p / mass for c, p in likelihoods.items()}), mass)
