"""A model's exact distribution over the legal moves, from likelihoods of whole replies.

The likelihood of a choice is that of its tokens *and* of the end of turn after them, on the prompt used
in play: without the end of turn, "bet" is credited with all that begins so ("bet 10"), and short words win.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch

from ..envs.errors import SparringError
from ..envs.exact import InfoSet, ViewKey
from .branches import batches
from .policy import Key, Request
from .sampling import logprobs
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
    if policy.dialect.thinks:
        raise ExactError(f"{policy.ref.name} thinks before it moves: its moves have no exact likelihood")
    for request in requests:
        if not request.choices:
            raise ExactError(f"an exact distribution needs choices; {request.seat} was asked without any")
    prompts = policy.prompts(requests)
    wanted: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = {}
    for request, prompt in zip(requests, prompts, strict=True):
        choices = {choice: policy.dialect.choice(choice) for choice in request.choices or ()}
        wanted.setdefault(prompt, {}).update(choices)
    likelihood: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
    with policy.acting():
        for batch in batches(prompts, policy.batching.rows, policy.batching.tokens):
            _score(policy, batch, [{*wanted[prompt].values()} for prompt in batch], likelihood)
    return [
        _normalised(
            {c: likelihood[prompt, wanted[prompt][c]] for c in request.choices or ()}, policy, request
        )
        for request, prompt in zip(requests, prompts, strict=True)
    ]


def behaviour(
    policy: Transformer, infosets: Sequence[InfoSet]
) -> tuple[dict[ViewKey, tuple[float, ...]], dict[ViewKey, float]]:
    """The policy at every information set: odds in the order of the choices, and the legal mass.

    The odds go straight into `Tree.exploit` and its kin.
    """
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


def _normalised(likelihoods: dict[str, float], policy: Transformer, request: Request) -> Distribution:
    mass = sum(likelihoods.values())
    if not mass > 0:
        raise ExactError(
            f"{policy.ref.name} gives no choice of {request.seat} any probability: {likelihoods}"
        )
    return Distribution(MappingProxyType({c: p / mass for c, p in likelihoods.items()}), mass)


def _score(
    policy: Transformer,
    batch: list[tuple[int, ...]],
    replies: list[set[tuple[int, ...]]],
    likelihood: dict[tuple[tuple[int, ...], tuple[int, ...]], float],
) -> None:
    """Walk the tree of replies under each prompt, level by level, filling in whole-reply likelihoods."""
    branches = policy.branches(batch)
    stops = sorted(policy.dialect.stops)
    level = [(row, (), 0.0) for row in range(len(batch))]
    while True:
        logp = logprobs(branches.logits, policy.sampling).double()
        ends = logp[:, stops].logsumexp(-1)
        parents: list[int] = []
        tokens: list[int] = []
        paths: list[tuple[int, tuple[int, ...]]] = []
        for branch, (row, said, before) in enumerate(level):
            if said in replies[row]:
                likelihood[batch[row], said] = float((before + ends[branch]).exp())
            depth = len(said)
            for token in sorted({r[depth] for r in replies[row] if len(r) > depth and r[:depth] == said}):
                parents.append(branch)
                tokens.append(token)
                paths.append((row, (*said, token)))
        if not parents:
            return
        where = torch.tensor(parents, device=logp.device)
        what = torch.tensor(tokens, device=logp.device)
        costs = logp[where, what].tolist()
        level = [
            (row, said, level[parent][2] + cost)
            for (row, said), parent, cost in zip(paths, parents, costs, strict=True)
        ]
        branches.extend(where, what)
