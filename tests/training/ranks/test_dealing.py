"""Rows dealt to several processes: the average of their losses is that of one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from sparring.training import losses
from sparring.training.config import BY_ROW
from sparring.training.data.batch import Pair, Row, pack, pack_pairs
from sparring.training.data.samples import Attempt, Sample, Span
from sparring.training.ranks.dealing import dealt, shares

LOSSES = ["dr_grpo", "luspo", "dapo", "cispo", "grpo", "bnpo"]


def row(number: int, prompt: int, reply: int, amount: float) -> Row:
    attempt = Attempt(
        "g-v0", "x", "x", "learner", "a", number, number, 0, 0.0, 0.0, False, 0, "outcome"
    )
    # Each row's own tokens, so that none are folded.
    tokens = tuple(range(100 * number, 100 * number + prompt + reply))
    logprobs = (0.0,) * prompt + (-1.0,) * reply
    sample = Sample(attempt, tokens, logprobs, (Span(0, prompt, prompt + reply, 0.0, 0.0),))
    return Row(sample, (amount,))


ROWS = [row(n, 2 + n % 3, 1 + 2 * n % 7, 0.5 * n - 1) for n in range(1, 8)]


def loss_of(batch, loss: str, processes: int) -> torch.Tensor:
    """A loss whose value depends on each row's tokens and advantage."""
    tensors = batch.tensors
    each = (1 + tensors["completion_ids"] % 13) * tensors["advantages"]
    return losses.averaged(
        each,
        tensors["completion_mask"] * tensors["tool_mask"],
        loss=loss,
        longest=9,
        tokens=tensors["num_items_in_batch"],
        parts=1,
        share=1.0,
        processes=processes,
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_average_of_the_losses_of_all_is_the_loss_of_one(loss, count):
    whole = pack(ROWS, loss=loss, pad=0, fold=True)
    parts = [dealt(whole, rank, count, loss=loss) for rank in range(count)]
    found = sum(part.factor * loss_of(part, loss, count) for part in parts) / count
    assert float(found) == pytest.approx(float(loss_of(whole, loss, 1)), rel=1e-6)


@pytest.mark.parametrize("loss", BY_ROW)
def test_masked_rows_of_microbatches_dilute_nothing(loss):
    whole = pack(ROWS, loss=loss, pad=0, multiple=4)
    parts = [dealt(whole, rank, 3, loss=loss, multiple=4) for rank in range(3)]
    assert [len(part.rows) for part in parts] == [4, 4, 4]
    found = sum(part.factor * loss_of(part, loss, 3) for part in parts) / 3
    assert float(found) == pytest.approx(float(loss_of(whole, loss, 1)), rel=1e-6)


def test_the_mean_over_pairs_is_that_of_one():
    pairs = [Pair(a, b) for a, b in pairwise(ROWS)]
    whole = pack_pairs(pairs, loss="dapo", pad=0)

    def mean(batch) -> float:
        return float(
            (batch.tensors["pairs"] * batch.tensors["rejected_completion_ids"][:, 0]).mean()
        )

    parts = [dealt(whole, rank, 2, loss="dapo") for rank in range(2)]
    assert sum(part.by_row * mean(part) for part in parts) / 2 == pytest.approx(mean(whole))


def test_every_row_is_dealt_once_and_keeps_its_tokens():
    whole = pack(ROWS, loss="dr_grpo", pad=0)
    parts = [dealt(whole, rank, 3, loss="dr_grpo") for rank in range(3)]
    names = [part.names(place) for part in parts for place in range(len(part.rows))]
    assert sorted(names) == sorted(whole.names(place) for place in range(len(whole.rows)))
    for part in parts:
        for place, (sample,) in enumerate(part.rows):
            seen = part.tensors["prompt_mask"][place].bool()
            said = part.tensors["completion_mask"][place].bool()
            ids = part.tensors["prompt_ids"][place][seen].tolist()
            assert (
                tuple(ids + part.tensors["completion_ids"][place][said].tolist()) == sample.tokens
            )
    assert sum(part.share for part in parts) == pytest.approx(1)


def test_a_process_without_rows_has_one_that_teaches_nothing():
    whole = replace(pack(ROWS[:1], loss="dr_grpo", pad=0), rests=True)
    part = dealt(whole, 1, 2, loss="dr_grpo")
    assert part.rows == ((),)
    assert part.rests
    assert float(loss_of(part, "dr_grpo", 2)) == 0


def test_the_longest_are_dealt_first_each_to_whom_has_least():
    assert shares([1, 5, 2, 4], 2) == [[1, 0], [3, 2]]
    assert shares([1.0], 3) == [[0], [], []]
