"""Token sequences that share their compute: each distinct one costs one row of the model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Any

import torch

from .kept import Block, Place, Tokens, beginning_with, block_of
from .kv_cache import growing_cache, joined

_WORTH = 24
"""Tokens that prompts must have in common for their beginnings to be read once."""


class Branches:
    """A batch of sequences with their key-value cache; `logits` (N, V) are those of the next token.

    Prompts with a common beginning (rules, mostly) have it read once. Rows of unequal length are
    padded on the left. `adapter` names one of a PEFT model's (None: the active ones). `extend`
    continues some branches by a token each, which may copy a branch, drop it, or reorder.

    Prompts that begin with one that was read before go on from there: `known` says where each lies (all
    or none). `block` is what was read of these prompts, for others to go on from.
    """

    def __init__(
        self,
        model: Any,
        prompts: Sequence[Tokens],
        pad: int,
        adapter: str | None = None,
        known: Sequence[Place] = (),
    ) -> None:
        self._model = model
        # one a row, because rows that join later may have another
        self._adapters = [adapter] * len(prompts)
        self._pad = pad

        if known:
            self.logits = self._continue(prompts, known)
            return
        self._cache: Any = growing_cache(model)
        self._mask = torch.empty(len(prompts), 0, dtype=torch.long, device=model.device)
        self._lengths = torch.zeros(len(prompts), dtype=torch.long, device=model.device)

        # read the common beginnings, copy each to the prompts that have it, then read what
        # is left of every prompt
        heads, head_of = beginnings(prompts)
        if heads:
            self._mask, self._lengths = self._mask[: len(heads)], self._lengths[: len(heads)]
            self._adapters = self._adapters[: len(heads)]
            self._read(heads)
            self._select(torch.tensor(head_of, device=model.device))
            prompts = [p[len(heads[head]) :] for p, head in zip(prompts, head_of, strict=True)]

        self.logits = self._read(prompts)

    def block(self) -> Block | None:
        """What was read so far, if all of it is there; asked for before anything is continued."""
        return block_of(self._cache, self._mask)

    def _continue(self, prompts: Sequence[Tokens], known: Sequence[Place]) -> torch.Tensor:
        """Read what is new of each prompt."""
        self._cache, self._mask = beginning_with(self._model, known)
        self._lengths = self._mask.sum(-1)
        return self._read([p[len(at.tokens) :] for p, at in zip(prompts, known, strict=True)])

    def extend(self, parents: torch.Tensor, tokens: torch.Tensor) -> None:
        """Branch m becomes branch `parents[m]` continued by `tokens[m]`; both of shape (M,)."""
        # to select copies the whole cache: it is left out while all branches go on in place
        rows = len(self._lengths)
        if len(parents) != rows or not torch.equal(
            parents, torch.arange(rows, device=parents.device)
        ):
            self._select(parents)

        self.logits = self._forward(tokens[:, None], torch.ones_like(tokens[:, None]))

    def join(self, other: Branches) -> None:
        """Take in the rows of another batch of the same model, behind one's own; `other` is used up.

        Raises ValueError for a model whose layers drop their past themselves.
        """
        # columns that are padding in every row are left by long rows that have ended
        trim = int(self._mask.any(0).long().argmax())
        self._cache = joined(self._cache, other._cache, trim)

        masks = (self._mask[:, trim:], other._mask)
        width = max(mask.shape[1] for mask in masks)
        self._mask = torch.cat(
            [torch.nn.functional.pad(mask, (width - mask.shape[1], 0)) for mask in masks]
        )
        self._lengths = torch.cat([self._lengths, other._lengths])
        self._adapters = [*self._adapters, *other._adapters]
        self.logits = torch.cat([self.logits, other.logits])

    def _select(self, parents: torch.Tensor) -> None:
        self._cache.reorder_cache(parents)
        self._adapters = [self._adapters[i] for i in parents.tolist()]
        self._lengths = self._lengths[parents]
        self._mask = self._mask[parents]

    def _read(self, texts: Sequence[Tokens]) -> torch.Tensor:
        """Continue every row by a text of its own."""
        longest = max(len(text) for text in texts)
        device = self._model.device

        # padding on the left: the last position of every row is then its own last token
        ids = torch.tensor(
            [[self._pad] * (longest - len(t)) + list(t) for t in texts], device=device
        )
        starts = torch.tensor([longest - len(text) for text in texts], device=device)
        return self._forward(ids, (torch.arange(longest, device=device) >= starts[:, None]).long())

    def _forward(self, ids: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Run the model on new tokens (N, L), of which `real` (N, L) are not padding."""
        self._mask = torch.cat([self._mask, real], -1)
        # padding counts for no position, so a row's tokens are numbered as if it were alone
        positions = self._lengths[:, None] + (real.cumsum(-1) - 1).clamp_(min=0)
        self._lengths = self._lengths + real.sum(-1)

        named = any(adapter is not None for adapter in self._adapters)
        adapters = {"adapter_names": self._adapters} if named else {}
        output = self._model(
            input_ids=ids,
            # without any padding the model can use its plain causal attention
            attention_mask=None if bool(self._mask.all()) else self._mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            # logits of a whole prompt would be its length times the vocabulary
            logits_to_keep=1,
            **adapters,
        )
        return output.logits[:, -1]


def beginnings(prompts: Sequence[Tokens]) -> tuple[list[Tokens], list[int]]:
    """Beginnings that prompts have in common, and which of them each prompt starts with.

    A beginning leaves every prompt at least its last token. Both are empty where too little would be
    saved to be worth a second pass.
    """
    # sorted, prompts with a common beginning are neighbours
    order = sorted(range(len(prompts)), key=lambda i: prompts[i])
    clusters: list[list[int]] = []
    for i in order:
        if clusters and _common(prompts[clusters[-1][-1]], prompts[i]) >= _WORTH:
            clusters[-1].append(i)
        else:
            clusters.append([i])

    heads: list[Tokens] = []
    head_of = [0] * len(prompts)
    for number, members in enumerate(clusters):
        first, last = prompts[members[0]], prompts[members[-1]]
        # in sorted order, what the first and the last share is shared by all between
        shared = _common(first, last) if len(members) > 1 else len(first)
        heads.append(first[: min(shared, *(len(prompts[i]) - 1 for i in members))])
        for i in members:
            head_of[i] = number

    # a second pass costs something of its own, and an empty text cannot be read
    saved = sum(len(heads[head]) for head in head_of) - sum(map(len, heads))
    return (heads, head_of) if saved >= 8 * _WORTH and all(heads) else ([], [])


def _common(a: Tokens, b: Tokens) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def batches(prompts: Collection[Tokens], rows: int, tokens: int) -> list[list[Tokens]]:
    """Distinct prompts cut into batches of at most `rows` and `tokens` (padding included).

    Sorted by length and content, so that the layout depends on what is asked and not on the order.
    """
    cut: list[list[Tokens]] = []
    for prompt in sorted(set(prompts), key=lambda p: (len(p), p)):
        if not cut or len(cut[-1]) >= rows or (len(cut[-1]) + 1) * len(prompt) > tokens:
            cut.append([])
        cut[-1].append(prompt)
    return cut
