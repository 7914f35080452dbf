"""Samples become padded tensors: tokens as they were sampled, never encoded again.

Axes: B rows, P prompt tokens (padded left), T completion tokens (padded right).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from ..config import BY_ROW, BY_TOKEN
from .lots import Lot, Some
from .samples import Attempt, Issue, Sample

REJECTED = "rejected_"
"""What the tensors of a pair's worse row are called, before their own names."""


_Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
_ORDER = (
    "prompt_ids",
    "prompt_mask",
    "completion_ids",
    "completion_mask",
    "tool_mask",
    "old_per_token_logps",
)


class Row(NamedTuple):
    """A sample as it is trained on: for each of its turns a weight for each component of the loss.

    A component is empty in all rows of a batch, or in none.

    gradient: the advantage
    imitate:  w of −w·log π (empty: nothing of the batch is imitated)
    pull:     a factor of the KL term (empty: 1)
    rates:    share of the sample's group that is right (empty: the loss needs none)
    """

    sample: Sample
    gradient: tuple[float, ...]
    imitate: tuple[float, ...] = ()
    pull: tuple[float, ...] = ()
    rates: tuple[float, ...] = ()

    @property
    def attempt(self) -> Attempt:
        return self.sample.attempt

    @property
    def own(self) -> tuple[tuple[float, ...]]:
        return (self.gradient,)

    def at(self, issue: Issue, *own: Any) -> Row:
        """The same in another episode that went alike, with another advantage."""
        (gradient,) = own
        return self._replace(sample=self.sample.at(issue), gradient=gradient)


class Pair(NamedTuple):
    """Two samples that answer one prompt, the better first."""

    chosen: Row
    rejected: Row


@dataclass(frozen=True)
class Batch:
    """Tensors as TRL's loss wants them, and which samples each row stands for.

    `rests` says that the objective took none of the step's samples, so that nothing is learned from them.
    Of several processes each has its own rows: its loss counts `factor` times in the average of all, what is
    a mean over rows `by_row` times; `share` is its share of the tokens that are trained.
    """

    tensors: Mapping[str, torch.Tensor]
    rows: tuple[Sequence[Sample], ...]
    rests: bool = False
    factor: float = 1.0
    by_row: float = 1.0
    share: float = 1.0

    def names(self, row: int) -> str:
        """The samples of a row, for people."""
        names = [sample.name for sample in self.rows[row]]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

    def stale(self, step: int) -> list[bool]:
        """For each row, whether it was drawn by other weights than those of the step."""
        kinds = [Lot.over(row).kinds for row in self.rows]
        return [any(sample.attempt.version != step for sample in own) for own in kinds]


@dataclass(slots=True)
class _Folded:
    """One row: samples of equal tokens, and for each component and turn the sum of their weights.

    `sample` is one of them, `places` where all of them stand among the rows that were folded.
    """

    sample: Sample
    places: list[int]
    totals: dict[str, _Array]


def pack(
    rows: Sequence[Row],
    *,
    loss: str,
    pad: int,
    fold: bool = False,
    even: float = 0.0,
    multiple: int = 1,
    device: torch.device | str = "cpu",
) -> Batch:
    """Pad samples into one batch.

    `fold` makes one row of samples of equal tokens, with their mean advantage and their number as its
    weight. For losses that are linear in the advantage where the policy is the one that sampled, that
    is the same loss and gradient at a fraction of the work; for other losses it is not done. `even` weighs
    turns by how often their prompt was answered (`_shares`). `multiple` adds masked rows until their number
    divides by it, and scales weights so that these do not dilute.
    Raises ValueError when there is nothing to pack.
    """
    if not rows:
        raise ValueError("no samples to train on")
    fold = fold and loss in BY_ROW + BY_TOKEN
    lot = Lot.over(rows if fold else list(rows))
    folded = _folded(lot, fold=fold)
    blank = -len(folded) % multiple

    # Losses by row divide by the number of rows that TRL sees: undo what folding and padding change of it.
    weights = [float(len(row.places)) for row in folded]
    if loss in BY_ROW:
        scale = (len(folded) + blank) / len(rows)
        weights = [weight * scale for weight in weights]

    shares = _shares(folded, even)
    tensors = _tensors(folded, weights, shares, blank, pad)
    # Folded samples count each: losses by token divide by what was sampled.
    tokens = sum([len(row.places) * sum([s.trained for s in row.sample.spans]) for row in folded])
    tensors["num_items_in_batch"] = torch.tensor(tokens)
    samples = lot.having([row.sample for row in lot.kinds])
    return Batch(
        {name: tensor.to(device) for name, tensor in tensors.items()},
        (*[Some(samples, row.places) for row in folded], *[()] * blank),
    )


def pack_pairs(pairs: Sequence[Pair], *, loss: str, pad: int, multiple: int = 1) -> Batch:
    """Pad pairs into one batch: the better samples as `pack` has them, the worse beside them.

    `pairs` (B) is each pair's weight in a mean over the batch, 0 for rows that are only padding. The worse
    samples' tensors have names that begin with `rejected_`; each row is one pair, so that shuffling and
    splitting keep pairs together. Raises ValueError when there is nothing to pack.
    """
    batch = pack([pair.chosen for pair in pairs], loss=loss, pad=pad, multiple=multiple)
    worse = pack([pair.rejected for pair in pairs], loss=loss, pad=pad, multiple=multiple)

    rows = len(batch.rows)
    # Blank rows must not dilute the mean.
    share = rows / len(pairs)
    weights = torch.tensor([share] * len(pairs) + [0.0] * (rows - len(pairs)))
    # A number that is no row's could not be shuffled with them.
    others = {
        REJECTED + name: tensor
        for name, tensor in worse.tensors.items()
        if name != "num_items_in_batch"
    }
    names = tuple((*a, *b) for a, b in zip(batch.rows, worse.rows, strict=True))
    return Batch({**batch.tensors, **others, "pairs": weights}, names)


def _folded(rows: Lot[Row], *, fold: bool) -> list[_Folded]:
    """Rows of equal tokens made one, or else each by itself."""
    found: dict[object, int] = {}
    samples: list[Sample] = []
    whose: list[int] = []
    for index, each in enumerate(rows.kinds):
        sample = each.sample
        # Equal tokens with turns at other places, or held otherwise, are trained otherwise.
        places = tuple([(span.start, span.stop, span.given) for span in sample.spans])
        key = (sample.tokens, places, each.pull) if fold else index
        whose.append(found.setdefault(key, len(found)))
        if len(samples) < len(found):
            samples.append(sample)

    ends = list(accumulate([len(sample.spans) for sample in samples], initial=0))
    turns = [range(*each) for each in pairwise(ends)]
    totals = _totals(rows, [turns[row] for row in whose], ends[-1])

    members: list[list[int]] = [[] for _ in samples]
    for place, kind in enumerate(rows.of):
        members[whose[kind]].append(place)
    return [
        _Folded(sample, own, {name: sums[each.start : each.stop] for name, sums in totals.items()})
        for sample, own, each in zip(samples, members, turns, strict=True)
    ]


def _totals(rows: Lot[Row], turns: Sequence[range], count: int) -> dict[str, _Array]:
    """The sums of each component's weights, in order; `turns` says by kind to which of `count` they belong.

    Sums are enough: folded losses are linear in the advantage.
    """
    (gradients,) = rows.own
    columns = {"advantages": gradients}
    for part in ("imitate", "pull", "rates"):
        weights = [getattr(each, part) for each in rows.kinds]
        if any(weights):
            columns[part] = [weights[kind] for kind in rows.of]

    at = list(chain.from_iterable([turns[kind] for kind in rows.of]))
    return {
        name: np.bincount(at, list(chain.from_iterable(column)), count)
        for name, column in columns.items()
    }


def _shares(rows: Sequence[_Folded], even: float) -> list[list[float]]:
    """What each turn of each row counts: n^−`even` where n turns of the batch answered its prompt.

    Scaled so that the mean over all trained tokens is 1. With 0 a prompt counts as often as it came up,
    with 1 all prompts count alike. What is best at one prompt does not depend on its weight, so a table
    learns the same; a net, whose weights are shared, spends less on what it knows.
    """
    if not even:
        return [[1.0] * len(row.sample.spans) for row in rows]
    prompts = [[row.sample.tokens[: span.start] for span in row.sample.spans] for row in rows]
    seen = Counter[tuple[int, ...]]()
    for row, own in zip(rows, prompts, strict=True):
        for prompt in own:
            seen[prompt] += len(row.places)

    found = [[seen[prompt] ** -even for prompt in own] for own in prompts]
    tokens = [[len(row.places) * span.trained for span in row.sample.spans] for row in rows]
    total = sum(map(sum, tokens))
    counted = sum(
        many * share
        for own, shares in zip(tokens, found, strict=True)
        for many, share in zip(own, shares, strict=True)
    )
    return [[share * total / counted for share in shares] for shares in found]


def _tensors(
    rows: Sequence[_Folded],
    weights: Sequence[float],
    shares: Sequence[Sequence[float]],
    blank: int,
    pad: int,
) -> dict[str, torch.Tensor]:
    """What TRL's loss wants of the rows, and of `blank` rows that are masked."""
    # The prompt ends at the first turn; later prompts lie within the completion.
    heads = [row.sample.spans[0].start for row in rows]
    tails = [len(row.sample.tokens) for row in rows]
    widest, longest = max(heads), max(b - a for a, b in zip(heads, tails, strict=True))

    # Written in place: lists of lists would be walked once more to become tensors.
    count = len(rows) + blank
    ids, seen = ("prompt_ids", "completion_ids"), ("prompt_mask", "completion_mask")
    widths = dict(zip((*ids, *seen), (widest, longest) * 2, strict=True))
    made = {name: np.full((count, widths[name]), pad, np.int64) for name in ids}
    made |= {name: np.zeros((count, widths[name]), np.int64) for name in seen}
    numbers = ("tool_mask", "old_per_token_logps", *rows[0].totals)
    made |= {name: np.zeros((count, longest), np.float32) for name in numbers}

    each = zip(rows, weights, shares, heads, strict=True)
    for index, (row, weight, own, head) in enumerate(each):
        counts = [weight * share for share in own]
        _fill({name: array[index] for name, array in made.items()}, row, counts, head)
    # A blank row has one token that the model may look at, so that no row attends to nothing.
    made["prompt_mask"][len(rows) :, -1] = 1
    return {name: torch.from_numpy(made[name]) for name in (*_ORDER, *rows[0].totals)}


def _fill(to: Mapping[str, _Array], row: _Folded, weights: Sequence[float], head: int) -> None:
    """Write a row: `head` tokens of prompt on the right of theirs, the rest on the left of theirs.

    weights: what each of its turns counts
    """
    sample = row.sample
    size, left = len(sample.tokens) - head, len(to["prompt_ids"]) - head
    to["prompt_ids"][left:] = sample.tokens[:head]
    to["prompt_mask"][left:] = 1
    to["completion_ids"][:size] = sample.tokens[head:]
    # The model reads the whole completion; `tool_mask` limits the loss to the turns.
    to["completion_mask"][:size] = 1
    to["old_per_token_logps"][:size] = sample.logprobs[head:]

    for place, span in enumerate(sample.spans):
        inside = slice(span.start - head, span.stop - head)
        to["tool_mask"][inside] = weights[place]
        if span.given[1]:
            # what closed the thought was not sampled
            to["tool_mask"][span.given[0] - head : span.given[1] - head] = 0
        for name, totals in row.totals.items():
            to[name][inside] = totals[place] / len(row.places)
