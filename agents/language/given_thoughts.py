"""The moves of a policy that thinks: drawn thoughts, and the exact distribution given each.

What a model says after a thought has no likelihood of its own, for it is a sum over all thoughts. Given one
thought it has, so thoughts are drawn as in play, and moves are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.exact import InfoSet, ViewKey
from ..policy import Key, Request
from ..prompts import CLOSE
from .chat_template import Dialect
from .exact import ExactError
from .shared_prefixes import Tokens
from .thoughts import Part, thought_size
from .transformer import Transformer

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Thoughtful:
    """The distribution over the choices of one request, given each of K thoughts.

    `odds` (K, choices) are normalised; their mean is the policy's distribution without bias. `legal` (K,) is
    the likelihood, given each thought, that the answer is a choice as the tokenizer writes it.
    """

    odds: Floats
    legal: Floats


def given_thoughts(
    policy: Transformer, requests: Sequence[Request], count: int
) -> list[Thoughtful]:
    """`count` thoughts for each request, drawn with the noise of its key, and the odds given each.

    All requests are of roles that think alike. Raises ExactError for a policy that does not think or keeps
    its thoughts (what it has seen is then more than the view), for a request without choices, and where a
    thought leaves no choice any probability.
    """
    dialect = _checked(policy, requests)

    prompts = policy.prompts(requests)
    asked = [
        (i, Key(r.key.seed, copy, r.key.seat, i))
        for copy in range(count)
        for i, r in enumerate(requests)
    ]
    parts = policy.thoughts(
        [prompts[i] for i, _ in asked], [key for _, key in asked], policy.sampling, dialect
    )
    begun = [_beginning(dialect, part) for part in parts]

    # equal beginnings are scored once, with the choices of all their requests
    wanted: list[tuple[Tokens, set[Tokens]]] = []
    spelt: list[list[list[Tokens]]] = []
    for (i, _), (said, lead) in zip(asked, begun, strict=True):
        ways = [_spelt(dialect, choice, lead) for choice in requests[i].choices or ()]
        spelt.append(ways)
        wanted.append((prompts[i] + said, {way for some in ways for way in some}))
    scores = policy.scores(wanted, policy.sampling)

    rows: list[list[list[float]]] = [[] for _ in requests]
    for (i, _), (prompt, _), ways in zip(asked, wanted, spelt, strict=True):
        found = scores[prompt]
        rows[i].append([math.fsum(math.exp(found[w].total) for w in some) for some in ways])
    return [_normalised(np.array(some), policy, r) for some, r in zip(rows, requests, strict=True)]


def drawn_behaviour(
    policy: Transformer, infosets: Sequence[InfoSet], count: int, seed: int = 0
) -> tuple[dict[ViewKey, Floats], dict[ViewKey, float]]:
    """The policy at every information set, drawn `count` times, and its mean legal mass there.

    The draws go straight into `envs/estimate.py`.
    """
    requests = [
        Request(info.seat, info.role, info.messages, info.choices, Key(seed, 0, info.seat, 0))
        for info in infosets
    ]
    found = given_thoughts(policy, requests, count)
    keys = [info.key for info in infosets]
    return (
        {key: one.odds for key, one in zip(keys, found, strict=True)},
        {key: float(one.legal.mean()) for key, one in zip(keys, found, strict=True)},
    )


def _checked(policy: Transformer, requests: Sequence[Request]) -> Dialect:
    """How the roles that are asked write. Raises ExactError."""
    name = policy.ref.name
    dialect, *others = dict.fromkeys(policy.dialect.of(r.role) for r in requests)
    if others:
        raise ExactError(
            f"roles of {name} think each in its own way; ask for those of one at a time"
        )
    if not dialect.thinks:
        raise ExactError(f"{name} does not think before it moves: its distribution is exact")
    if dialect.thinking.keep:
        raise ExactError(
            f"{name} keeps its thoughts: what it does depends on more than its view; let it play with "
            "keep_thoughts=false"
        )
    for request in requests:
        if not request.choices:
            raise ExactError(f"odds need choices; {request.seat} was asked without any")
    return dialect


def _beginning(dialect: Dialect, part: Part) -> tuple[Tokens, str]:
    """A reply up to where its answer begins, and what of the answer the last of these tokens holds."""
    if part.given:
        return part.tokens[: part.given[1]], ""

    size = thought_size(dialect, part.tokens) or 0
    text = _text(dialect, part.tokens[:size])
    lead = (dialect.opening + text).rpartition(CLOSE)[2].lstrip() if size else ""
    # what is blank before the answer is not the answer, and a game does not see it
    while not lead and size < len(part.tokens) and part.tokens[size] not in dialect.stops:
        if _text(dialect, part.tokens[size : size + 1]).strip():
            break
        size += 1
    return part.tokens[:size], lead


def _spelt(dialect: Dialect, choice: str, lead: str) -> list[Tokens]:
    """How the rest of a choice may be written; a blank before it is the tokenizer's, and no other move."""
    if not choice.startswith(lead):
        return []
    rest = choice[len(lead) :]
    ways = [rest] if lead else [rest, f" {rest}"]
    return list(dict.fromkeys(dialect.choice(way) for way in ways))


def _text(dialect: Dialect, tokens: Tokens) -> str:
    return dialect.tokenizer.decode(
        tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )


def _normalised(likelihoods: Floats, policy: Transformer, request: Request) -> Thoughtful:
    mass = likelihoods.sum(axis=1)
    # also true for nan, which `<= 0` would let through
    if not (mass > 0).all():
        raise ExactError(
            f"{policy.ref.name} gives no choice of {request.seat} any probability after a thought"
        )
    return Thoughtful(likelihoods / mass[:, None], mass)
