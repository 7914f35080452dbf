"""Drawing tokens: keyed noise, and the distribution that settings make of logits."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...envs.seeds import fractions
from ..policy import Key, Sampling


def uniforms(key: Key) -> Iterator[float]:
    """The noise of one reply: numbers in [0, 1), 40 bits each, from SHA-256 of the key and a counter.

    The same on every device, and independent of what else is in the batch.
    """
    return fractions(key.name)


def logprobs(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Log-probabilities (N, V) of the next token under these settings, in float32.

    Temperature first, then the nucleus: the smallest set of likeliest tokens that holds `top_p`,
    renormalised. At temperature 0 the likeliest token (the first of equals) has all the mass.
    """
    logits = logits.float()

    if sampling.temperature == 0:
        greedy = torch.full_like(logits, -torch.inf)
        return greedy.scatter_(-1, logits.argmax(-1, keepdim=True), 0.0)

    if sampling.temperature != 1:
        logits = logits / sampling.temperature
    logp = logits.log_softmax(-1)

    if sampling.top_p >= 1:
        return logp

    # stable, so that equal tokens keep the order of their ids on every device
    ranked, order = logp.sort(dim=-1, descending=True, stable=True)
    # the mass *before* a token decides: the one that crosses top_p is still inside, and
    # the likeliest always is
    mass_before = ranked.exp().cumsum(-1) - ranked.exp()
    outside = torch.empty_like(mass_before, dtype=torch.bool).scatter_(
        -1, order, mass_before >= sampling.top_p
    )
    return logp.masked_fill(outside, -torch.inf).log_softmax(-1)


def draw(logp: torch.Tensor, rows_of: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Token ids (R,), drawn from rows `rows_of` (R,) of `logp` (N, V) with uniforms `noise` (R,).

    Each is the inverse of its row's distribution function at its uniform. The draws of a row stand
    side by side in one line of a table, so that one search serves them all.
    """
    # in double precision: a float32 sum over a vocabulary drowns rare tokens
    mass = logp.exp().cumsum(-1, dtype=torch.float64)

    # `column` is each draw's place among the draws of its row
    order = rows_of.argsort(stable=True)
    counts = rows_of.bincount(minlength=len(logp))
    ranked = rows_of[order]
    column = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[ranked]

    # scaled by the row's own sum, which rounding keeps away from 1
    goals = mass.new_zeros(len(logp), int(counts.max()))
    goals[ranked, column] = noise[order] * mass[ranked, -1]

    # `right`, so that a token without mass is never drawn, even at noise 0
    found = torch.searchsorted(mass, goals, right=True)
    tokens = torch.empty_like(order)
    tokens[order] = found[ranked, column]
    return tokens.clamp_(max=logp.shape[1] - 1)
