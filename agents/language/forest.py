"""A forest of prefixes: rows of tokens that begin alike go through a model once for each distinct prefix.

Rows of a batch share most of their tokens: rules, openings, whole games up to the last move. In a forest
each distinct prefix is one node, which sees its ancestors and nothing else, at the position of its depth.
A causal model computes at each node what it computes at the end of that prefix, to rounding. The model is
not changed: nodes are its tokens, ancestors its attention mask, depths its positions.

Axes: B rows, L places of a row; C chunks, N nodes of a chunk, K of them asked; V the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Ints = NDArray[np.int64]

CHUNK = 192
"""Nodes of a chunk: attention costs their square, and each chunk repeats the prefix it begins with."""

_WASTE = 2048
"""Nodes of padding that are worth a further call of the model."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of like size: one call of the model. Nodes that are asked stand last, padding first.

    ids, depths: (C, N) token and position of every node
    first, last: (C, N) a node's number, and that behind its last descendant: who sees whom
    asked:       K, so many places at the end of each chunk give logits
    """

    ids: torch.Tensor
    depths: torch.Tensor
    first: torch.Tensor
    last: torch.Tensor
    asked: int

    @property
    def sight(self) -> torch.Tensor:
        """(C, 1, N, N) whether a node (third axis) sees another (fourth): its ancestors and itself."""
        seen = self.first[:, None, :] <= self.first[:, :, None]
        return (seen & (self.first[:, :, None] < self.last[:, None, :]))[:, None]


@dataclass(frozen=True, slots=True)
class Forest:
    """Rows as chunks of nodes. `at` (B, L) says which of the logits are those of a place.

    Of places that were not asked for it says 0. `nodes` counts nodes without padding.
    """

    chunks: tuple[Chunks, ...]
    at: torch.Tensor
    nodes: int

    def logits(self, model: Any) -> torch.Tensor:
        """(M, V) of the next token at every node that is asked, in the order that `at` counts."""
        found = [
            model(
                input_ids=part.ids,
                attention_mask=part.sight,
                position_ids=part.depths,
                logits_to_keep=part.asked,
                use_cache=False,
            ).logits.flatten(0, 1)
            for part in self.chunks
        ]
        return found[0] if len(found) == 1 else torch.cat(found)


def suits(model: Any) -> bool:
    """Whether a model computes the same in a forest: plain causal attention under a mask of our own.

    Not so with flash attention, sliding windows, recurrent layers, or positions that are not told.
    """
    config = getattr(model, "config", None)
    text = config.get_text_config() if config is not None else None
    kinds = set(getattr(text, "layer_types", None) or ("full_attention",))
    return (
        text is not None
        and text.model_type in _KNOWN
        and getattr(text, "_attn_implementation", "") == "sdpa"
        and kinds == {"full_attention"}
        # Attention by chunks of the context would need them in the mask.
        and not getattr(text, "attention_chunk_size", None)
    )


_KNOWN = ("llama", "qwen2", "qwen3", "mistral", "olmo2", "smollm3")
"""Architectures that read a mask of four axes as it is, and rotate by the positions they are given."""


def forest(
    ids: torch.Tensor, real: torch.Tensor, asked: torch.Tensor, *, chunk: int = CHUNK
) -> Forest | None:
    """The forest of rows `ids` (B, L), of which `real` (B, L) are no padding.

    `asked` (B, L) are the places whose next token's distribution is wanted; all must be real. What no
    place that is asked depends on is left out. None when nothing is asked, or when a row has padding
    inside.
    """
    device = ids.device
    rows, starts, lengths = _aligned(ids, real, asked)
    if rows is None:
        return None
    wanted = _shifted(asked.cpu().numpy().astype(bool), starts, rows.shape[1])

    # Big-endian bytes compare as the rows do, and faster.
    written = rows.astype(">i4")
    kept = sorted(np.flatnonzero(lengths).tolist(), key=lambda row: written[row].tobytes())
    if not kept:
        return None
    order = np.array(kept)
    rows, lengths, wanted = rows[order], lengths[order], wanted[order]

    chunk_of, shared = _cut(_common(rows, lengths), lengths, chunk)
    tree = _Tree.of(rows, lengths, shared, wanted, chunk_of)
    parts, place = tree.chunks(device)

    # Back to the rows and places as they came.
    at = np.zeros((len(starts), ids.shape[1]), np.int64)
    row, depth = np.nonzero(wanted)
    at[order[row], starts[order[row]] + depth] = place[tree.node_of[row, depth]]
    return Forest(tuple(parts), torch.from_numpy(at).to(device), len(tree.tokens))


def _aligned(
    ids: torch.Tensor, real: torch.Tensor, asked: torch.Tensor
) -> tuple[Ints | None, Ints, Ints]:
    """Rows without padding before them, -1 behind their last place that is asked; starts and lengths."""
    tokens, seen, wanted = (t.cpu().numpy() for t in (ids, real != 0, asked != 0))
    places = np.arange(tokens.shape[1])
    starts = seen.argmax(1)

    # The last place that is asked: what stands behind it changes nothing.
    lasts = np.where(wanted.any(1), tokens.shape[1] - wanted[:, ::-1].argmax(1), starts)
    lengths = lasts - starts
    width = int(lengths.max(initial=0))
    inside = (places >= starts[:, None]) & (places < lasts[:, None])
    if (inside & ~seen).any():
        return None, starts, lengths

    columns = np.minimum(starts[:, None] + np.arange(width), tokens.shape[1] - 1)
    rows = np.take_along_axis(tokens, columns, 1)
    rows[np.arange(width) >= lengths[:, None]] = -1
    return rows, starts, lengths


def _shifted(marks: NDArray[np.bool_], starts: Ints, width: int) -> NDArray[np.bool_]:
    """Marks (B, L) with each row moved to its start, cut at the width."""
    columns = starts[:, None] + np.arange(width)
    inside = columns < marks.shape[1]
    return np.take_along_axis(marks, np.where(inside, columns, 0), 1) & inside


def _common(rows: Ints, lengths: Ints) -> Ints:
    """For each row, how many tokens it begins with as the row before."""
    same = np.logical_and.accumulate(rows[1:] == rows[:-1], axis=1).sum(1)
    return np.concatenate([[0], np.minimum(same, np.minimum(lengths[1:], lengths[:-1]))])


def _cut(shared: Ints, lengths: Ints, chunk: int) -> tuple[Ints, Ints]:
    """The chunk of each row, and what it shares with the row before in it: a first row shares nothing."""
    chunk_of, left, number = np.zeros_like(shared), shared.copy(), -1
    filled = chunk + 1
    for row, (common, length) in enumerate(zip(shared.tolist(), lengths.tolist(), strict=True)):
        if filled + length - common > chunk:
            number, filled, common = number + 1, 0, 0
            left[row] = 0
        filled += length - common
        chunk_of[row] = number
    return chunk_of, left


@dataclass(frozen=True, slots=True)
class _Tree:
    """Nodes in preorder: `last` is the number behind a node's descendants, `node_of` (B, L) its places."""

    tokens: Ints
    depth: Ints
    last: Ints
    chunk: Ints
    asked: NDArray[np.bool_]
    node_of: Ints

    @staticmethod
    def of(
        rows: Ints, lengths: Ints, shared: Ints, wanted: NDArray[np.bool_], chunk_of: Ints
    ) -> _Tree:
        places = np.arange(rows.shape[1])
        inside = places < lengths[:, None]
        fresh = inside & (places >= shared[:, None])
        numbers = fresh.cumsum().reshape(fresh.shape)

        # A place that is not fresh has the node of the last row in which its depth was.
        node_of = np.maximum.accumulate(np.where(fresh, numbers - 1, -1), axis=0)
        row, depth = np.nonzero(fresh)

        # Rows come in order, so the last row through a node is what remains written.
        last = np.empty(len(row), np.int64)
        last[node_of[inside]] = np.broadcast_to(numbers[:, -1:], fresh.shape)[inside]
        asked = np.zeros(len(row), bool)
        asked[node_of[wanted]] = True
        return _Tree(rows[fresh], depth, last, chunk_of[row], asked, node_of)

    def chunks(self, device: torch.device) -> tuple[list[Chunks], Ints]:
        """The chunks in groups of like size, and for each node the place of its logits (0: not asked)."""
        sizes = np.bincount(self.chunk)
        asked = np.bincount(self.chunk, weights=self.asked).astype(np.int64)

        # Within a chunk those that are asked come last, so that the model's logits end with them.
        order = np.argsort(2 * self.chunk + self.asked, kind="stable")
        begins = sizes.cumsum() - sizes
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order)) - begins[self.chunk[order]]

        parts: list[Chunks] = []
        place = np.zeros(len(order), np.int64)
        passed = 0
        for members in _groups(sizes):
            size, most = int(sizes[members].max()), int(asked[members].max())
            row_of = np.full(len(sizes), -1)
            row_of[members] = np.arange(len(members))
            nodes = np.flatnonzero(row_of[self.chunk] >= 0)

            row, slot = row_of[self.chunk[nodes]], rank[nodes] + size - sizes[self.chunk[nodes]]
            parts.append(self._part(nodes, row, slot, (len(members), size), most, device))
            place[nodes] = np.where(
                self.asked[nodes], passed + row * most + slot - (size - most), 0
            )
            passed += len(members) * most
        return parts, place

    def _part(
        self,
        nodes: Ints,
        row: Ints,
        slot: Ints,
        shape: tuple[int, int],
        asked: int,
        device: torch.device,
    ) -> Chunks:
        """These nodes at their rows and slots; padding sees itself alone."""
        blank = np.broadcast_to(-1 - np.arange(shape[1]), shape)
        ids, depths = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        first, last = blank.copy(), blank + 1

        ids[row, slot], depths[row, slot] = self.tokens[nodes], self.depth[nodes]
        first[row, slot], last[row, slot] = nodes, self.last[nodes]
        parts = (torch.from_numpy(part).to(device) for part in (ids, depths, first, last))
        return Chunks(*parts, asked=asked)


def _groups(sizes: Ints) -> list[Ints]:
    """Chunks in groups of like size, the largest first: a further group where it spares much padding."""
    order = np.argsort(-sizes, kind="stable")
    groups: list[Ints] = []
    begin = 0
    for at in range(1, len(order)):
        spared = (sizes[order[begin]] - sizes[order[at]]) * (len(order) - at)
        if spared > _WASTE:
            groups.append(order[begin:at])
            begin = at
    return [*groups, order[begin:]]


def rows_of(sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences as `ids` and `real` (B, L), padded right."""
    lengths = np.array([len(tokens) for tokens in sequences])
    real = np.arange(lengths.max()) < lengths[:, None]
    ids = np.zeros(real.shape, np.int64)
    # In the order of the rows, which is that of the mask.
    ids[real] = np.fromiter(chain.from_iterable(sequences), np.int64)
    return torch.from_numpy(ids), torch.from_numpy(real)
