"""Packing: what is sampled is trained, padding never is, and folding changes no loss."""

import math

import pytest
import torch
from sparring.training.data.advantage import Centre
from sparring.training.data.batch import pack
from sparring.training.data.credit import credited

from ..conftest import having, sample


def test_prompts_stand_left_padded_and_replies_right_padded():
    batch = pack(
        [having(sample([5, 6, 7], (2, 3)), 1.0), having(sample([5, 7, 8], (1, 3)), 2.0)],
        loss="dapo",
        pad=0,
    )
    t = batch.tensors
    assert t["prompt_ids"].tolist() == [[5, 6], [0, 5]]
    assert t["prompt_mask"].tolist() == [[1, 1], [0, 1]]
    assert t["completion_ids"].tolist() == [[7, 0], [7, 8]]
    assert t["completion_mask"].tolist() == [[1, 0], [1, 1]]
    assert t["advantages"].tolist() == [[1, 0], [2, 2]]
    assert t["old_per_token_logps"].tolist() == [[-3, 0], [-3, -3]]
    assert int(t["num_items_in_batch"]) == 3


def test_context_between_turns_is_seen_and_never_trained():
    made = having(sample([5, 6, 9, 9, 7], (1, 2), (4, 5)), 1.0, -1.0)
    batch = pack([made], loss="dapo", pad=0)
    assert batch.tensors["completion_mask"].tolist() == [[1, 1, 1, 1]]
    assert batch.tensors["tool_mask"].tolist() == [[1, 0, 0, 1]]
    assert batch.tensors["advantages"].tolist() == [[1, 0, 0, -1]]


def test_equal_rows_fold_into_one_of_their_mean_advantage_and_weight():
    made = [
        having(sample([5, 6], (1, 2)), 1.0),
        having(sample([5, 7], (1, 2)), 5.0),
        having(sample([5, 6], (1, 2), episode=1), 2.0),
    ]
    batch = pack(made, loss="dapo", pad=0, fold=True)
    assert batch.tensors["completion_ids"].tolist() == [[6], [7]]
    assert batch.tensors["advantages"].tolist() == [[1.5], [5.0]]
    assert batch.tensors["tool_mask"].tolist() == [[2.0], [1.0]]
    assert [len(row) for row in batch.rows] == [2, 1]
    assert "seed 0" in batch.names(0)
    assert "seed 1" in batch.names(0)


def test_rows_of_equal_tokens_and_other_spans_are_not_folded():
    made = [having(sample([5, 6, 7], span), 1.0) for span in ((1, 3), (2, 3))]
    assert len(pack(made, loss="dapo", pad=0, fold=True).rows) == 2


def test_losses_that_cannot_be_folded_are_not():
    made = [having(sample([5, 6], (1, 2)), amount) for amount in (1.0, 2.0)]
    assert len(pack(made, loss="grpo", pad=0, fold=True).rows) == 2


@pytest.mark.parametrize(("loss", "weight"), [("dr_grpo", 4 / 3), ("dapo", 1.0)])
def test_padding_rows_do_not_dilute(loss: str, weight: float):
    made = [having(sample([5, 6 + i], (1, 2)), 1.0) for i in range(3)]
    tensors = pack(made, loss=loss, pad=0, multiple=2).tensors
    assert tensors["tool_mask"].flatten().tolist() == pytest.approx([weight] * 3 + [0.0])
    assert tensors["completion_mask"][3].sum() == 0
    assert tensors["prompt_mask"][3].sum() == 1


def test_an_advantage_is_what_a_turn_earned_beyond_the_baseline_in_units_of_the_scale():
    made = sample([5, 6, 9, 7], (1, 2), (3, 4))
    spans = tuple(
        span._replace(earned=earned) for span, earned in zip(made.spans, (3.0, -1.0), strict=True)
    )
    centres = (Centre(1.0, 2.0),) * 2
    (found,) = credited([made._replace(spans=spans)], [centres])
    assert found.advantages == (1.0, -1.0)


def test_an_advantage_that_is_not_finite_names_its_sample():
    with pytest.raises(ArithmeticError, match="g-v0 seed 4 first turn 0"):
        credited([sample([5, 6], (1, 2), episode=4)], [(Centre(math.inf),)])


def test_nothing_to_pack_is_an_error():
    with pytest.raises(ValueError, match="no samples"):
        pack([], loss="dapo", pad=0)


def test_logprobs_keep_single_precision():
    made = having(sample([5, 6], (1, 2), logprob=-0.1), 1.0)
    (row,) = pack([made], loss="dapo", pad=0).tensors["old_per_token_logps"]
    assert row.dtype == torch.float32
