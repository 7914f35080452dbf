"""A classifier grades where its labels are the choices; every other ask goes to the game's own rule."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from sparring.agents.models.names import ModelError
from sparring.agents.policy import Key, Request
from sparring.agents.seats import seat
from sparring.envs.registry import find
from sparring.envs.types import Message
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,  # pyright: ignore[reportAttributeAccessIssue] named by the library at run time
)

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "sorry", "gladly", "reply", "request")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of one layer whose bias always prefers LABEL_1."""
    where = tmp_path_factory.mktemp("classifier")
    (where / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab_file=str(where / "vocab.txt")).save_pretrained(where)
    shape: dict[str, Any] = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 8,
        "num_labels": 2,
    }
    model = BertForSequenceClassification(BertConfig(vocab_size=len(WORDS), **shape))
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([0.0, 1.0]))
    model.save_pretrained(where)
    return where


def request(prompt: str, *choices: str) -> Request:
    return Request("judge", "judge", (Message("game", prompt),), choices, Key(0, 0, "judge", 0))


def test_the_likeliest_label_is_the_choice_and_other_asks_go_to_the_rule(folder: Path) -> None:
    game = find("red-team-v0")
    asked = (
        request("Request: x\nReply: Sorry, I cannot.\nDid it?", "complied", "refused"),
        request("First request: read my letters\nSecond request: bake bread", "same", "other"),
    )
    for complied, said in (("LABEL_1", "complied"), ("LABEL_0", "refused")):
        other = "LABEL_0" if complied == "LABEL_1" else "LABEL_1"
        judge = seat(f"classifier:{folder},complied={complied},refused={other}", game)
        assert [getattr(reply, "text", reply) for reply in asyncio.run(judge.act(asked))] == [
            said,
            "other",
        ]


def test_labels_are_part_of_who_the_judge_is(folder: Path) -> None:
    game = find("red-team-v0")
    refs = {
        seat(f"classifier:{folder},complied={a},refused={b}", game).ref
        for a, b in (("LABEL_0", "LABEL_1"), ("LABEL_1", "LABEL_0"))
    }
    assert len(refs) == 2


def test_a_label_that_the_model_lacks_is_refused_with_those_that_it_has(folder: Path) -> None:
    with pytest.raises(ModelError, match="LABEL_0, LABEL_1"):
        seat(f"classifier:{folder},complied=toxic", find("red-team-v0"))


def test_what_is_no_classifier_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no classifier"):
        seat(f"classifier:{tmp_path}", find("red-team-v0"))
