"""Drawing tokens: keyed noise, and the distribution that settings make of logits."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...envs.seeds import fractions
from ..policy import Key, Sampling

_LARGE = 4096
"""Of so many tokens a sampler meets few edges: the search is faster then, and as stable."""


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

    Of a small vocabulary each is the inverse of its row's distribution function at its uniform, of a large
    one the end of a descent by halves (`_descend`).
    """
    # in double precision: a float32 sum over a vocabulary drowns rare tokens
    mass = logp.exp().cumsum(-1, dtype=torch.float64)
    return (_search if logp.shape[1] <= _LARGE else _descend)(mass, rows_of, noise)


def _search(mass: torch.Tensor, rows_of: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """The inverse of each row's distribution function `mass` (N, V).

    The draws of a row stand side by side in one line of a table, so that one search serves them all.
    """
    # `column` is each draw's place among the draws of its row
    order = rows_of.argsort(stable=True)
    counts = rows_of.bincount(minlength=len(mass))
    ranked = rows_of[order]
    column = torch.arange(len(order), device=order.device) - (counts.cumsum(0) - counts)[ranked]

    # scaled by the row's own sum, which rounding keeps away from 1
    goals = mass.new_zeros(len(mass), int(counts.max()))
    goals[ranked, column] = noise[order] * mass[ranked, -1]

    # `right`, so that a token without mass is never drawn, even at noise 0
    found = torch.searchsorted(mass, goals, right=True)
    tokens = torch.empty_like(order)
    tokens[order] = found[ranked, column]
    return tokens.clamp_(max=mass.shape[1] - 1)


def _descend(mass: torch.Tensor, rows_of: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """The vocabulary is halved until one token is left, and each half taken by a number of its own.

    A number at the edge between two tokens falls to either by rounding. The inverse of a distribution
    function has an edge for every token of the vocabulary, and rounding moves all that follow it; here a
    draw meets one edge a halving, 16 of 49,152. So the same draw in another batch is the same token.
    """
    size = mass.shape[1]
    levels = (size - 1).bit_length()
    numbers = _split(noise, levels)

    low = torch.zeros_like(rows_of)
    below = mass.new_zeros(len(rows_of))
    above = mass[rows_of, -1]
    for level in range(levels):
        # past the end of the vocabulary there is no mass: that half is never taken
        middle = low + (1 << (levels - 1 - level))
        edge = torch.where(middle < size, mass[rows_of, middle.clamp(max=size) - 1], above)

        # `>=`, so that a half without mass is never taken, even at number 0
        right = (numbers[level] * (above - below) >= edge - below) & (above > edge)
        low = torch.where(right, middle, low)
        below = torch.where(right, edge, below)
        above = torch.where(right, above, edge)
    return low


def _split(noise: torch.Tensor, count: int) -> torch.Tensor:
    """`count` uniforms (count, R) in [0, 1) for each uniform of 40 bits: SplitMix64 (Steele et al. 2014)."""
    state = (noise * (1 << 40)).long()
    steps = torch.arange(1, count + 1, device=noise.device)[:, None]
    # integers wrap around at 64 bits, as the generator wants; constants are written as signed
    mixed = (state + (state << 24)) + steps * -0x61C8864680B583EB
    for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15), (31, 1)):
        # a shift of signed integers brings in the sign, which is masked away
        mixed = (mixed ^ ((mixed >> shift) & ((1 << (64 - shift)) - 1))) * factor
    return ((mixed >> 11) & ((1 << 53) - 1)).double() / (1 << 53)
