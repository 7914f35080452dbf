"""Rewards from inside: what the sampler's own distribution says of a reply, as named credits of its turn."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import torch

from ...agents.language.transformer import Transformer
from ...envs.types import Episode, Turn
from ..config import Inside

Reply: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""The tokens of a prompt and those that were sampled after it."""

KINDS = ("certainty", "entropy", "likelihood")
_LOGITS = 1 << 24
"""How many logits may be held at once."""


def inner(
    episodes: Sequence[Episode], settings: Inside, learner: Transformer, *, name: str
) -> list[Episode]:
    """The episodes with a credit of each wanted kind at every turn of the policy named `name`.

    Given between play and estimation, when the learner still has the weights that played. The credit is
    weight · measure; replies without tokens get none.
    """
    weights = settings.weights
    if not weights:
        return list(episodes)

    wanted = [
        turn
        for episode in episodes
        for turn in episode.turns
        if _wanted(episode, turn, settings, name)
    ]
    # Equal replies to equal prompts are measured once.
    replies = list(dict.fromkeys((t.reply.prompt_tokens, t.reply.tokens) for t in wanted))
    known = measures(replies, learner, weights.keys() - {"likelihood"})

    def rewarded(episode: Episode, turn: Turn) -> Turn:
        if not _wanted(episode, turn, settings, name):
            return turn
        found = known[turn.reply.prompt_tokens, turn.reply.tokens]
        # The sampler's own log-probabilities: those that the reply was drawn by.
        found = {**found, "likelihood": math.exp(sum(turn.reply.logprobs))}
        own = {kind: weight * found[kind] for kind, weight in weights.items()}
        return turn._replace(credits={**turn.credits, **own})

    return [
        replace(episode, turns=tuple(rewarded(episode, turn) for turn in episode.turns))
        for episode in episodes
    ]


def _wanted(episode: Episode, turn: Turn, settings: Inside, name: str) -> bool:
    roles = settings.roles
    own = episode.seats[turn.seat].name == name and bool(turn.reply.tokens)
    return own and (not roles or turn.role in roles)


def measures(
    replies: Sequence[Reply], learner: Transformer, kinds: Collection[str]
) -> Mapping[Reply, Mapping[str, float]]:
    """`certainty` and `entropy` of each reply, in nats a token, at the temperature of sampling.

    Over a vocabulary of V tokens the certainty at one place is KL(uniform‖π) = −log V − (1/V) Σ log π
    ("Learning to Reason without External Rewards", Zhao et al. 2025, after Kang et al. 2025), and the
    entropy −Σ π log π; a reply has their mean over its tokens. No `kinds`: nothing is computed.
    """
    if not kinds:
        return {reply: {} for reply in replies}
    found: dict[Reply, Mapping[str, float]] = {}
    with learner.acting():
        for batch in _batches(replies, learner):
            found |= _measured(batch, learner)
    return found


def _measured(batch: Sequence[Reply], learner: Transformer) -> dict[Reply, Mapping[str, float]]:
    longest = max(len(prompt) + len(reply) for prompt, reply in batch)
    pad, device = learner.dialect.pad, learner.model.device
    rows = [[*p, *r, *[pad] * (longest - len(p) - len(r))] for p, r in batch]
    seen = [[1] * (len(p) + len(r)) + [0] * (longest - len(p) - len(r)) for p, r in batch]

    # The logits at a place score the token after it, and those before the first reply are of no use.
    first = min(len(prompt) for prompt, _ in batch) - 1
    logits = learner.model(
        input_ids=torch.tensor(rows, device=device),
        attention_mask=torch.tensor(seen, device=device),
        logits_to_keep=longest - first,
        use_cache=False,
    ).logits
    every = (logits.float() / learner.sampling.temperature).log_softmax(-1)

    certain = (-math.log(every.size(-1)) - every.mean(-1)).cpu()
    spread = (-(every.exp() * every).sum(-1)).cpu()
    found: dict[Reply, Mapping[str, float]] = {}
    for row, (prompt, reply) in enumerate(batch):
        start = len(prompt) - 1 - first
        inside = slice(start, start + len(reply))
        found[prompt, reply] = {
            "certainty": float(certain[row, inside].mean()),
            "entropy": float(spread[row, inside].mean()),
        }
    return found


def _batches(replies: Sequence[Reply], learner: Transformer) -> Iterator[list[Reply]]:
    """The replies by length, so many at once as their logits may be held."""
    size = learner.model.config.get_text_config().vocab_size
    batch: list[Reply] = []
    for reply in sorted(replies, key=lambda reply: (len(reply[0]) + len(reply[1]), reply)):
        length = len(reply[0]) + len(reply[1])
        if batch and (len(batch) + 1) * length * size > _LOGITS:
            yield batch
            batch = []
        batch.append(reply)
    if batch:
        yield batch
