"""Turns that count less the more often their prompt comes up."""

from __future__ import annotations

import json

import pytest
import torch
from sparring.training.config import ConfigError
from sparring.training.data.batch import Row, pack
from sparring.training.recipes import configured
from sparring.training.run import train

from . import oracle
from .conftest import having, sample
from .test_losses import learned, on_policy


def prompted() -> list[Row]:
    """Three answers to the prompt [5], two of them alike, and one to [8], which has a second turn."""
    return [
        having(sample([5, 6], (1, 2)), 1.0),
        having(sample([5, 6], (1, 2), episode=1), 2.0),
        having(sample([5, 7], (1, 2), episode=2), 3.0),
        having(sample([8, 6, 9, 7], (1, 2), (3, 4), episode=3), 4.0, 5.0),
    ]


@pytest.mark.parametrize(
    ("even", "often", "once"),
    [(0.0, 1.0, 1.0), (1.0, 5 / 9, 5 / 3), (0.5, 5 / (3 + 2 * 3**0.5), 5 / (3**0.5 + 2))],
)
def test_turns_count_less_the_more_turns_answered_their_prompt(
    even: float, often: float, once: float
):
    plain = pack(prompted(), loss="dr_grpo", pad=0, even=even).tensors["tool_mask"]
    found = [
        *([often, 0, 0],) * 3,
        [once, 0, once],
    ]
    assert plain.tolist() == [pytest.approx(row) for row in found]
    # the mean over all that is trained is 1, whatever the weights
    assert float(plain.sum()) == pytest.approx(5)


@pytest.mark.parametrize("even", [0.3, 1.0])
def test_turns_of_folded_rows_count_what_they_count_apart(even: float):
    apart = pack(prompted(), loss="dr_grpo", pad=0, even=even).tensors
    folded = pack(prompted(), loss="dr_grpo", pad=0, even=even, fold=True)
    sums = [[apart["tool_mask"][i].tolist() for i in rows] for rows in ((0, 1), (2,), (3,))]
    many = len(apart["tool_mask"]) / len(folded.rows)
    for row, own in zip(folded.tensors["tool_mask"].tolist(), sums, strict=True):
        # the loss is a mean over rows, of which folding leaves fewer
        assert row == pytest.approx([sum(each) / many for each in zip(*own, strict=True)])


@pytest.mark.parametrize("loss", ["dr_grpo", "dapo"])
def test_what_is_descended_is_each_turns_term_by_its_weight(model, tokenizer, tmp_path, loss):
    batch = on_policy(model, pack(prompted(), loss=loss, pad=0, even=1.0, fold=True))
    _, found = learned(model, tokenizer, batch, tmp_path, f"update.loss={loss}")

    plain = on_policy(model, pack(prompted(), loss=loss, pad=0)).tensors
    ids, mask = (
        torch.cat([plain[f"{part}_{of}"] for part in ("prompt", "completion")], 1)
        for of in ("ids", "mask")
    )
    model.zero_grad()
    logps = oracle.logps(model, ids, mask, plain["completion_ids"].size(1))
    weights = torch.tensor([[5 / 9, 0, 0]] * 3 + [[5 / 3, 0, 5 / 3]])
    divided = 4 * 4 if loss == "dr_grpo" else 5
    (-(weights * plain["advantages"] * logps).sum() / divided).backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert wanted.abs().max() > 1e-3
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_a_run_learns_by_it(tmp_path):
    weights: dict[str, bytes] = {}
    for even in ("0", "0.5", "1"):
        config = configured(
            "spiral",
            None,
            ["rollout.games=32", f"update.even={even}", "record.tensorboard=false"],
            {"out": str(tmp_path / even), "steps": 3},
        )
        train(config, quiet=True)
        weights[even] = (tmp_path / even / "checkpoints/step-3/model.safetensors").read_bytes()
        records = (tmp_path / even / "metrics.jsonl").read_text().splitlines()
        assert json.loads(records[-1])["step"] == 3
    assert len(set(weights.values())) == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["update.even=1.5"], "update.even must be from 0 to 1"),
        (["update.even=-0.1"], "update.even must be from 0 to 1"),
        (["update.even=nan"], r"update\.even"),
        (["update.even=0.5", "update.loss=grpo"], "update.loss = grpo takes a mean over each"),
        (["update.even=0.5", "objective.kind=prefer"], "objective.kind = prefer compares"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        configured("spiral", None, settings, {})
