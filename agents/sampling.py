"""Drawing tokens: keyed noise, and the distribution that settings make of logits."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import torch

from .policy import Key, Sampling

_BYTES = 5


def uniforms(key: Key) -> Iterator[float]:
    """The noise of one reply: numbers in [0, 1), 40 bits each, from SHA-256 of the key and a counter.

    The same on every device, and independent of what else is in the batch.
    """
    name = f"{key.seed}/{key.replicate}/{key.seat}/{key.ask}"
    block = 0
    while True:
        digest = sha256(f"{name}/{block}".encode()).digest()
        for start in range(0, 30, _BYTES):
            yield int.from_bytes(digest[start : start + _BYTES], "big") / 2**40
        block += 1


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
    ranked, order = logp.sort(dim=-1, descending=True, stable=True)
    mass_before = ranked.exp().cumsum(-1) - ranked.exp()
    outside = torch.empty_like(mass_before, dtype=torch.bool).scatter_(
        -1, order, mass_before >= sampling.top_p
    )
    return logp.masked_fill(outside, -torch.inf).log_softmax(-1)


def draw(logp: torch.Tensor, rows_of: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Token ids (R,), drawn from rows `rows_of` (R,) of `logp` (N, V) with uniforms `noise` (R,).

    Each is the inverse of its row's distribution function at its uniform.
    Rows are laid end to end, row n on [n, n+1), so that one search serves them all.
    """
    rows, width = logp.shape
    mass = logp.double().exp().cumsum(-1)
    mass = mass / mass[:, -1:]
    offsets = torch.arange(rows, device=mass.device, dtype=mass.dtype)
    flat = (mass + offsets[:, None]).flatten()
    found = torch.searchsorted(flat, offsets[rows_of] + noise, right=True)
    return (found - rows_of * width).clamp_(0, width - 1)
